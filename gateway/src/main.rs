//! The program `tickler`.

use std::process::ExitCode;

use clap::Parser;
use gateway::{
    Config, Host, Server,
    cli::{Cli, Exit, Job},
};

/// A turn allocates much in one thread and frees it in another, which the system's allocator answers with locks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().run().await {
        Job::Ended(exit) => exit.into(),
        Job::Serve(config) => match serve(*config).await {
            Ok(()) => Exit::Done.into(),
            Err(error) => {
                eprintln!("tickler: {error:#}");
                Exit::Unavailable.into()
            }
        },
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    gateway::start_log(&config);
    let host = Host::open(&config).await?;
    let server = Server::open(config, host).await?;
    server.announce();
    server.run(gateway::signal()).await
}
