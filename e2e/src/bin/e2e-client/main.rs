//! Sends requests from inside a cluster and says what came back. Plain HTTP/1.1, as inside the mesh
//! of a cluster; a static program for an image FROM scratch.

mod container;
mod load;
mod request;
mod tally;
mod target;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{
    container::{Show, Write},
    load::Load,
    request::Request,
};

#[derive(Parser)]
#[command(version, about = "Sends requests from inside a cluster")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sends one request; prints the status in the first line and then the body.
    Request(Request),
    /// Sends many requests; prints for each stream one line of JSON with what became of them.
    Load(Load),
    /// Prints files and variables as one line of JSON.
    Show(Show),
    /// Writes a file.
    Write(Write),
}

#[tokio::main]
async fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Request(request) => request.run().await,
        Command::Load(load) => load.run().await,
        Command::Show(show) => show.run().await,
        Command::Write(write) => write.run(),
    }
}
