//! The command line of `tickler`.

mod dlq;
mod door;
mod exchange;
mod manual;
mod token;
mod upkeep;

use std::io::{Read, Write};

use clap::{Args, CommandFactory, Parser, Subcommand};
use serde_json::Value;

use crate::{
    app::wall_clock,
    config::{Config, Flags},
    mcp::stdio,
    observe,
    problem::{Problem, Slug},
    pure,
};

pub use crate::config::VARIABLES;

/// Largest request on stdin, in bytes.
const STDIN_BYTES_MAX: u64 = 1 << 20;
/// Longest wait for `/ready`.
const HEALTH_MS: u64 = 5_000;

/// How a command ended, as its exit code says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Refused: the answer is a no.
    Refused = 1,
    /// Called wrongly: a flag, a variable, an argument.
    Usage = 2,
    /// Unavailable: a file, a port or a server cannot be had.
    Unavailable = 3,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Tickler: to-dos, reminders and recurring tasks as a backend.
///
/// Without a command it serves: it opens its data folder, listens on an address, prints both, and
/// answers until it is told to stop (Ctrl-C, SIGTERM). Nothing needs to be installed or configured
/// first.
#[derive(Debug, Parser)]
#[command(name = "tickler", version, after_long_help = manual::TEXT)]
#[command(verbatim_doc_comment)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the HTTP interface (the default)
    Serve(Flags),
    /// Ask a running server whether it is ready; exit 0 when it is
    Health(Health),
    /// Speak MCP on stdin and stdout, for a chatbot that starts its tools itself
    ///
    /// It speaks to the server that owns the data folder, or that --url names. Where none runs it
    /// opens the folder itself. Its log goes to stderr.
    #[command(verbatim_doc_comment)]
    Mcp(Mcp),
    /// Write everything of a user, or of all, to a file: JSON lines, or iCalendar
    ///
    /// It asks the server that owns the data folder, or that --url names. Where none runs it opens
    /// the folder itself.
    #[command(verbatim_doc_comment)]
    Export(exchange::Export),
    /// Read such a file, or the calendar file of another program
    ///
    /// Known tasks are skipped or replaced; the same file twice changes nothing. What cannot be taken
    /// is named with its line, the rest comes in, and the exit code is then 1. A file that was cut off
    /// changes nothing.
    #[command(verbatim_doc_comment)]
    Import(exchange::Import),
    /// Make, list and revoke personal tokens
    #[command(subcommand)]
    Token(token::Token),
    /// Look after the audit trail
    #[command(subcommand)]
    Audit(upkeep::Audit),
    /// Make a view anew from what the actors hold; the server must not run
    Replay(upkeep::Replay),
    /// Look after events that could not be read; the server may run
    #[command(subcommand)]
    Dlq(dlq::Dlq),
    /// Print the description of the HTTP interface (OpenAPI 3.1)
    Openapi,
    /// Print what makes a shell complete these commands
    ///
    /// Example: tickler completions bash > ~/.local/share/bash-completion/completions/tickler
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the version
    Version,
    /// Expand a recurrence: request on stdin, occurrences on stdout
    ///
    /// Example: echo '{"dtstart":"2026-11-21","zone":null,"rule":"weekly","limit":3}' | tickler expand
    Expand,
    /// Read a task from a sentence: request on stdin, fields on stdout
    ///
    /// Example: echo '{"text":"water the plants every monday at 9 #home"}' | tickler parse
    Parse,
}

#[derive(Debug, Args)]
struct Health {
    /// The server [default: the address that this configuration binds to]
    #[arg(long)]
    url: Option<String>,
}

#[derive(Debug, Args)]
struct Mcp {
    /// The server [default: the one that owns the data folder]
    #[arg(long)]
    url: Option<String>,
    /// A personal token or JWT for the server
    #[arg(long, conflicts_with = "user")]
    token: Option<String>,
    /// Whose tasks, where no server runs [default in dev mode: dev]
    #[arg(long, conflicts_with = "url")]
    user: Option<String>,
    /// The folder that holds the data [env TICKLER_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    data: Option<std::path::PathBuf>,
}

/// What is to be done.
pub enum Job {
    /// Serve with this configuration.
    Serve(Box<Config>),
    /// Everything is done.
    Ended(Exit),
}

impl Cli {
    /// Does what is quickly done; serving is left to the caller.
    pub async fn run(self) -> Job {
        let flags = match self.command {
            None => self.flags,
            Some(Command::Serve(flags)) => flags,
            Some(Command::Health(health)) => return Job::Ended(health.ask().await),
            Some(Command::Mcp(mcp)) => return Job::Ended(mcp.speak().await),
            Some(Command::Export(export)) => return Job::Ended(told(export.run().await)),
            Some(Command::Import(import)) => return Job::Ended(told(import.run().await)),
            Some(Command::Token(token)) => return Job::Ended(told(token.run().await)),
            Some(Command::Completions { shell }) => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "tickler", &mut script);
                return print(&String::from_utf8_lossy(&script), Exit::Done);
            }
            Some(Command::Audit(audit)) => return Job::Ended(audit.run().await),
            Some(Command::Replay(replay)) => return Job::Ended(replay.run().await),
            Some(Command::Dlq(dlq)) => return Job::Ended(dlq.run().await),
            Some(Command::Version) => {
                return print(&format!("tickler {}\n", env!("CARGO_PKG_VERSION")), Exit::Done);
            }
            Some(Command::Openapi) => {
                return print(&format!("{}\n", crate::http::openapi::text()), Exit::Done);
            }
            Some(Command::Expand) => {
                return compute("/api/v1/recurrence/expand", |request| pure::expanded(&request));
            }
            Some(Command::Parse) => return compute("/api/v1/parse", parse),
        };
        match Config::read(variables(), &flags) {
            Ok(config) => Job::Serve(Box::new(config)),
            Err(wrong) => {
                eprintln!("tickler: {wrong}");
                Job::Ended(Exit::Usage)
            }
        }
    }
}

/// Says on stderr why a command did not come to its end.
fn told(ended: Result<Exit, (Exit, String)>) -> Exit {
    ended.unwrap_or_else(|(exit, why)| {
        eprintln!("tickler: {why}");
        exit
    })
}

/// The variables of this process that are text.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        Some((name, value.to_string_lossy().into_owned()))
    })
}

fn parse(request: Value) -> Result<Value, Problem> {
    let zone = chrono_tz::Tz::UTC;
    actors::quick_add::parse(&request, wall_clock(), zone).map_err(pure::unparsed)
}

/// One request on stdin, its answer or its problem on stdout.
fn compute(instance: &str, answer: impl Fn(Value) -> Result<Value, Problem>) -> Job {
    let mut text = Vec::new();
    let read = std::io::stdin().lock().take(STDIN_BYTES_MAX + 1).read_to_end(&mut text);
    let parsed = match read {
        Err(_) => Err(Problem::new(Slug::Malformed, "stdin cannot be read.")),
        Ok(n) if n as u64 > STDIN_BYTES_MAX => {
            Err(Problem::new(Slug::TooLarge, "The request has more than 1 MiB."))
        }
        Ok(_) => serde_json::from_slice(&text)
            .map_err(|error| Problem::new(Slug::Malformed, format!("stdin is not JSON: {error}."))),
    };
    match parsed.and_then(answer) {
        Ok(answer) => print(&format!("{answer}\n"), Exit::Done),
        Err(problem) => {
            let document = serde_json::to_string(&problem.document(instance)).unwrap_or_default();
            print(&format!("{document}\n"), Exit::Refused)
        }
    }
}

fn print(text: &str, exit: Exit) -> Job {
    let printed = std::io::stdout().write_all(text.as_bytes());
    Job::Ended(if printed.is_ok() { exit } else { Exit::Unavailable })
}

impl Mcp {
    async fn speak(self) -> Exit {
        let Self { url, token, user, data } = self;
        let config = if url.is_some() {
            None
        } else {
            match Config::read(variables(), &Flags { data, ..Flags::default() }) {
                Ok(config) => Some(config),
                Err(wrong) => {
                    eprintln!("tickler: {wrong}");
                    return Exit::Usage;
                }
            }
        };
        if let Some(config) = &config {
            observe::start_log_on_stderr(config);
        }
        stdio::run(stdio::Wanted { url, token, user }, config).await
    }
}

impl Health {
    async fn ask(self) -> Exit {
        let url = match self.url {
            Some(url) => url,
            None => match Config::bind(variables()) {
                Ok(bind) if bind.ip().is_unspecified() => {
                    format!("http://127.0.0.1:{}", bind.port())
                }
                Ok(bind) => format!("http://{bind}"),
                Err(wrong) => {
                    eprintln!("tickler: {wrong}");
                    return Exit::Usage;
                }
            },
        };
        let url = format!("{}/ready", url.trim_end_matches('/'));
        let limit = std::time::Duration::from_millis(HEALTH_MS);
        let client = reqwest::Client::builder().no_proxy().timeout(limit).build();
        let asked = match client {
            Ok(client) => client.get(&url).send().await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(answer) => {
                let ready = answer.status().is_success();
                println!("{}", answer.text().await.unwrap_or_default());
                if ready { Exit::Done } else { Exit::Refused }
            }
            Err(error) => {
                eprintln!("tickler: {}", silent(&url, error));
                Exit::Unavailable
            }
        }
    }
}

/// What is said of a server that does not answer: its address, and what lies at the bottom of it.
pub(crate) fn silent(url: &str, error: reqwest::Error) -> String {
    let error = error.without_url();
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |it| it.source());
    let cause = causes.last().map(ToString::to_string).unwrap_or_default();
    format!("{url} does not answer: {cause}")
}
