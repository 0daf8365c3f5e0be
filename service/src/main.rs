//! The program `microservice`.

use std::process::ExitCode;

use chassis::config::ConfigError;
use clap::Parser;
use service::{alias::Alias, cli::Cli};

/// `EX_USAGE` of sysexits: a wrong configuration, which a restart will not cure.
const BAD_CONFIG: u8 = 64;

fn main() -> ExitCode {
    let alias = Alias::of(&std::env::args_os().next().unwrap_or_default());
    match Cli::parse().run(alias) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("microservice: {error:#}");
            if error.is::<ConfigError>() { ExitCode::from(BAD_CONFIG) } else { ExitCode::FAILURE }
        }
    }
}
