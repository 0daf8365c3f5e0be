//! The program `microservice`.

#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::{
    io::{self, Write},
    process::ExitCode,
};

use chassis::config::ConfigError;
use clap::Parser;
use service::{alias::Alias, cli::Cli};

/// `EX_USAGE` of sysexits: a wrong configuration, which a restart will not cure.
const BAD_CONFIG: u8 = 64;

fn main() -> ExitCode {
    let alias = Alias::of(&std::env::args_os().next().unwrap_or_default());
    match Cli::parse().run(alias) {
        Ok(code) => code,
        // Whoever was reading has had enough.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            _ = writeln!(io::stderr(), "microservice: {error:#}");
            if error.is::<ConfigError>() { ExitCode::from(BAD_CONFIG) } else { ExitCode::FAILURE }
        }
    }
}

/// Of standard output: errors of other pipes say what they are about.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
