//! The command line of `tickler`.

mod upkeep;

use std::io::{Read, Write};

use clap::{Args, Parser, Subcommand};
use serde_json::Value;

use crate::{
    app::wall_clock,
    config::{Config, Flags},
    mcp::stdio,
    observe,
    problem::{Problem, Slug},
    pure,
};

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
/// Without a command it serves: it opens its data folder, listens on an address, prints both, and answers until it
/// is told to stop (Ctrl-C, SIGTERM). Nothing needs to be installed or configured first.
#[derive(Debug, Parser)]
#[command(name = "tickler", disable_version_flag = true, after_long_help = MANUAL)]
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
    /// It speaks to the server that owns the data folder, or that --url names. Where none runs it opens the folder
    /// itself. Its log goes to stderr.
    Mcp(Mcp),
    /// Look after the audit trail
    #[command(subcommand)]
    Audit(upkeep::Audit),
    /// Make a view anew from what the actors hold; the server must not run
    Replay(upkeep::Replay),
    /// Print the description of the HTTP interface (OpenAPI 3.1)
    Openapi,
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

const MANUAL: &str = "\
Configuration:
  Every flag has a variable; the flag wins. A variable that begins with TICKLER_ and is none of
  these stops the start, as does a bad value.

  TICKLER_BIND             where to listen (127.0.0.1:8000)
  TICKLER_DATA_DIR         the folder that holds the data
  TICKLER_RUNTIME          embedded, or dapr
  TICKLER_ROLE             all, gateway or actors (the last two with dapr)
  TICKLER_ZONE             the zone of users who have set none (UTC)
  TICKLER_AUTH             jwt or dev. Dev is the default where no JWT setting is present: whoever
                           reaches a loopback address is the user `dev`
  TICKLER_JWKS             the public keys of your tokens: a URL or a file
  TICKLER_JWT_SECRET       or one shared secret for HS256, at least 32 bytes
  TICKLER_JWT_ISSUER       TICKLER_JWT_AUDIENCE  TICKLER_JWT_ALGS  TICKLER_JWT_SUBJECT_CLAIM
  TICKLER_PUBLIC_URL       how the world reaches this server
  TICKLER_ALLOWED_HOSTS    TICKLER_ALLOWED_ORIGINS   beside loopback and the public URL
  TICKLER_OUTBOUND_ALLOW   networks that webhooks may reach although they are not public
  TICKLER_RATE_USER        requests/seconds of one user (1000/10); 0 turns every rate off
  TICKLER_LOG_FORMAT       text or json;  TICKLER_LOG_LEVEL (info)
  TICKLER_SMTP_URL         TICKLER_MAIL_FROM   reminders by e-mail
  TICKLER_CHAT_URL         TICKLER_CHAT_MODEL  TICKLER_CHAT_KEY   chat by an OpenAI-compatible API
  DATABASE_URL             PostgreSQL for audit, search and live messages
  KAFKA_BROKERS            with dapr: host:port,…; a sidecar that started without Kafka is
                           told to start again when one of them answers

Examples:
  tickler                                    serve on 127.0.0.1:8000, as the user dev
  tickler --bind 127.0.0.1:9000 --data ./data
  TICKLER_JWKS=https://id.example/jwks TICKLER_PUBLIC_URL=https://todo.example \\
    tickler --bind 0.0.0.0:8000 --log-format json
  curl -X POST localhost:8000/api/v1/tasks -H 'content-type: application/json' \\
    -d '{\"title\":\"Water the plants\",\"due_date\":\"2026-11-21\",\"recurrence\":\"weekly\"}'

Exit codes:
  0 done   1 refused   2 called wrongly   3 unavailable
";

impl Cli {
    /// Does what is quickly done; serving is left to the caller.
    pub async fn run(self) -> Job {
        let flags = match self.command {
            None => self.flags,
            Some(Command::Serve(flags)) => flags,
            Some(Command::Health(health)) => return Job::Ended(health.ask().await),
            Some(Command::Mcp(mcp)) => return Job::Ended(mcp.speak().await),
            Some(Command::Audit(audit)) => return Job::Ended(audit.run().await),
            Some(Command::Replay(replay)) => return Job::Ended(replay.run().await),
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
                eprintln!("tickler: {url} does not answer: {}", error.without_url());
                Exit::Unavailable
            }
        }
    }
}
