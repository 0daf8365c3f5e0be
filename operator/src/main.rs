//! The operator's program; everything is in the library.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use mimalloc::MiMalloc;
use operator::args::Args;

/// It gives memory back: after a start, or when many Microservices have gone, the C library keeps most of it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    // Before anything makes a TLS connection; an error says that it is done already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match operator::run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            _ = writeln!(io::stderr(), "microservice-operator: {error:#}");
            ExitCode::FAILURE
        }
    }
}
