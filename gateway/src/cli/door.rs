//! Who answers a command: the server that runs, or the data folder opened here.

use std::{path::PathBuf, sync::Arc, time::Duration};

use actors::{Actors, embedded::OpenError, message::key::UserId};
use clap::Args;
use serde_json::Value;

use super::{Exit, variables};
use crate::{
    Accounts,
    app::{App, random_id, wall_clock},
    config::{Config, Flags, Runtime},
    exchange::{self, Format, Told},
    identity::{
        Caller,
        scope::{Scope, Scopes},
    },
    serve::{self, Host, open_app, open_views},
};

/// Longest that a server may take for a whole file.
const ANSWER_MS: u64 = 600_000;
/// Longest that turns under way may take at the end.
const CLOSE_MS: u64 = 5_000;
/// How long a token of this command lasts, should it not come to end it.
const TOKEN_MS: i64 = 15 * 60_000;

/// Why a command does not come to an end: its exit, and one line for stderr.
pub(super) type Not<T> = Result<T, (Exit, String)>;

/// Where to ask.
#[derive(Debug, Args)]
pub(super) struct Where {
    /// The server [default: the one that owns the data folder; where none runs, the folder itself]
    #[arg(long)]
    url: Option<String>,
    /// A personal token or JWT for the server; it says whose tasks they are
    #[arg(long, conflicts_with = "user")]
    token: Option<String>,
    /// The folder that holds the data [env TICKLER_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Who answers.
pub(super) struct Door {
    config: Config,
    way: Way,
}

enum Way {
    /// A server, by its own interface.
    Server { http: reqwest::Client, url: String, key: Key },
    /// The folder itself: nobody else has it.
    Here { app: Arc<App>, running: serve::Running },
}

/// How a server knows whose tasks they are.
enum Key {
    /// By this credential, and nobody else's.
    Given(String),
    /// It is in dev mode: everybody is the user dev.
    Dev,
    /// By a token that is made in the server's own store, whose folder or database we may open.
    Made,
    /// It was named by its address alone.
    None,
}

pub(super) fn unavailable(error: impl std::fmt::Display) -> (Exit, String) {
    (Exit::Unavailable, format!("{error:#}"))
}

/// The configuration of a command that works on a data folder.
pub(super) fn configured(data: Option<PathBuf>) -> Not<Config> {
    let flags = Flags { data, ..Flags::default() };
    Config::read(variables(), &flags).map_err(|wrong| (Exit::Usage, wrong.to_string()))
}

impl Where {
    /// Finds who answers.
    pub(super) async fn open(self) -> Not<Door> {
        // Of a server that is named, no folder is opened: there may be none.
        let data = self.data.or_else(|| self.url.as_ref().map(|_| PathBuf::new()));
        let config = configured(data)?;
        let url = match (self.url, config.runtime) {
            (Some(url), _) => return Door::server(config, &url, self.token, false).await,
            (None, Runtime::Dapr) => format!("http://{}", config.bind),
            (None, Runtime::Embedded) => match Host::open(&config).await {
                Ok(_) if self.token.is_some() => {
                    let why =
                        "--token is for a server, and none runs on this data folder: use --user";
                    return Err((Exit::Usage, why.to_owned()));
                }
                Ok(host) => return Door::here(config, host).await,
                Err(error) => match error.downcast_ref::<OpenError>() {
                    Some(OpenError::Owned { address: Some(address), .. }) => address.clone(),
                    _ => return Err(unavailable(error)),
                },
            },
        };
        Door::server(config, &url, self.token, true).await
    }
}

impl Door {
    async fn here(config: Config, host: Host) -> Not<Self> {
        let (app, running) = open_app(config.clone(), host).await.map_err(unavailable)?;
        Ok(Self { config, way: Way::Here { app, running } })
    }

    async fn server(config: Config, url: &str, token: Option<String>, ours: bool) -> Not<Self> {
        let limit = Duration::from_millis(ANSWER_MS);
        let http = reqwest::Client::builder().no_proxy().timeout(limit).build();
        let http = http.map_err(unavailable)?;
        let url = url.replace("//0.0.0.0", "//127.0.0.1").replace("//[::]", "//[::1]");
        let url = url.trim_end_matches('/').to_owned();
        let key = match token {
            Some(token) => Key::Given(token),
            None if is_dev(&http, &url).await? => Key::Dev,
            None if ours => Key::Made,
            None => Key::None,
        };
        Ok(Self { config, way: Way::Server { http, url, key } })
    }

    /// Whose tasks they are when nobody is named; `None` where somebody must be.
    pub(super) fn usual(&self) -> Option<&'static str> {
        match &self.way {
            Way::Server { key: Key::Dev, .. } => Some("dev"),
            Way::Here { .. } if self.config.is_dev() => Some("dev"),
            _ => None,
        }
    }

    /// Whether the credential says who it is.
    pub(super) fn knows(&self) -> bool {
        matches!(&self.way, Way::Server { key: Key::Given(_), .. })
    }

    /// Everybody who has anything.
    pub(super) async fn users(&self) -> Not<Vec<String>> {
        match &self.way {
            Way::Here { app, .. } => match &app.actors {
                Actors::Embedded(here) => {
                    let users = here.users().await.map_err(unavailable)?;
                    Ok(users.iter().map(|user| user.as_str().to_owned()).collect())
                }
                Actors::Dapr(_) => {
                    Err(unavailable("the users of a cluster are asked of its server"))
                }
            },
            Way::Server { key: Key::Made | Key::Dev, .. } => {
                let views = open_views(&self.config).await.map_err(unavailable)?;
                let users = views.audited_users().await.map_err(unavailable)?;
                views.close().await;
                Ok(users)
            }
            Way::Server { .. } => {
                let why = "--all is for whoever has the data: leave out --url and --token";
                Err((Exit::Refused, why.to_owned()))
            }
        }
    }

    /// Everything of a user as a file.
    pub(super) async fn export(&self, user: &str, format: Format) -> Not<Vec<u8>> {
        match &self.way {
            Way::Here { app, .. } => {
                let user = user_id(user)?;
                let exported = exchange::export(app, &user, format, 0).await;
                exported.map(|(file, _)| file).map_err(|no| (Exit::Refused, no.detail.into_owned()))
            }
            Way::Server { http, url, .. } => {
                let call = http.get(format!("{url}/api/v1/export?format={}", format.suffix()));
                self.call(call, user, Scope::TasksRead).await
            }
        }
    }

    /// Imports a file for a user; what became of it, as the interface says it.
    pub(super) async fn import(
        &self,
        user: &str,
        format: Format,
        file: Vec<u8>,
        told: Told,
    ) -> Not<Value> {
        match &self.way {
            Way::Here { app, .. } => {
                let caller = Caller::named(user_id(user)?);
                let done = exchange::import(app, &caller, format, &file, told, None).await;
                done.map(exchange::Report::shown)
                    .map_err(|no| (Exit::Refused, no.detail.into_owned()))
            }
            Way::Server { http, url, .. } => {
                let Told { known, dry_run } = told;
                let url = format!("{url}/api/v1/import?mode={}&dry_run={dry_run}", known.name());
                let call = http.post(url).header("content-type", format.media_type()).body(file);
                let answer = self.call(call, user, Scope::TasksWrite).await?;
                serde_json::from_slice(&answer).map_err(unavailable)
            }
        }
    }

    /// Asks a server as a user.
    async fn call(&self, call: reqwest::RequestBuilder, user: &str, scope: Scope) -> Not<Vec<u8>> {
        let Way::Server { url, key, .. } = &self.way else {
            return Err(unavailable("no server is asked here"));
        };
        match key {
            Key::Given(token) => send(call.bearer_auth(token), url).await,
            Key::Dev if user == "dev" => send(call, url).await,
            Key::Dev => Err((
                Exit::Refused,
                format!("{url} is in dev mode and answers for the user dev alone; stop it first"),
            )),
            Key::None => Err((Exit::Usage, format!("say who you are to {url}: --token"))),
            Key::Made => {
                let accounts = accounts(&self.config).await?;
                let (user, now) = (user_id(user)?, wall_clock());
                let scopes: Scopes = [scope].into_iter().collect();
                let name = format!("tickler {}", random_id().simple());
                let made =
                    accounts.create_token(&user, &name, scopes, now, now.plus(TOKEN_MS)).await;
                let Some((token, secret)) = made.map_err(unavailable)? else {
                    let why = format!("{user} has 20 tokens; revoke one: tickler token list");
                    return Err((Exit::Refused, why));
                };
                let answer = send(call.bearer_auth(secret), url).await;
                accounts.delete_token(&user, token.id).await.map_err(unavailable)?;
                accounts.close().await;
                answer
            }
        }
    }

    /// Ends what was opened here.
    pub(super) async fn close(self) {
        if let Way::Here { app, running } = self.way {
            running.stop().await;
            app.actors.close(Duration::from_millis(CLOSE_MS)).await;
            app.accounts.close().await;
            app.views.close().await;
        }
    }
}

pub(super) fn user_id(user: &str) -> Not<UserId> {
    UserId::parse(user).ok_or_else(|| (Exit::Usage, "--user has 1 to 128 characters".to_owned()))
}

/// The store of accounts that a server of this configuration has open.
pub(super) async fn accounts(config: &Config) -> Not<Accounts> {
    match (config.runtime, &config.database_url) {
        (Runtime::Embedded, _) => {
            std::fs::create_dir_all(&config.data).map_err(|error| {
                unavailable(format!("the data folder {}: {error}", config.data.display()))
            })?;
            Accounts::open(&config.data).await.map_err(unavailable)
        }
        (Runtime::Dapr, Some(url)) => Accounts::postgres(url).await.map_err(unavailable),
        (Runtime::Dapr, None) => {
            Err((Exit::Usage, "DATABASE_URL: --runtime dapr keeps its tokens there".to_owned()))
        }
    }
}

/// Whether whoever reaches a server is the user dev.
async fn is_dev(http: &reqwest::Client, url: &str) -> Not<bool> {
    let asked = http.get(format!("{url}/api/v1/me")).send().await;
    let answer = asked.map_err(|error| silent(url, error))?;
    Ok(answer.status().is_success())
}

async fn send(call: reqwest::RequestBuilder, url: &str) -> Not<Vec<u8>> {
    let answer = call.send().await.map_err(|error| silent(url, error))?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(|error| silent(url, error))?;
    if status.is_success() {
        return Ok(body.to_vec());
    }
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    let why = problem["detail"].as_str().unwrap_or("the server gave no reason").to_owned();
    let exit = if status.is_server_error() { Exit::Unavailable } else { Exit::Refused };
    Err((exit, format!("{status}: {why}")))
}

fn silent(url: &str, error: reqwest::Error) -> (Exit, String) {
    (Exit::Unavailable, super::silent(url, error))
}
