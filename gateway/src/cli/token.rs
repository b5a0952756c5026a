//! `tickler token`: personal tokens, made by whoever has the data.

use std::path::PathBuf;

use actors::message::{key::UserId, time::Timestamp};
use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{
    Exit,
    door::{Not, accounts, configured, unavailable, user_id},
};
use crate::{
    accounts::{Accounts, Token as Shown},
    app::wall_clock,
    config::Config,
    identity::scope::{Scope, Scopes},
};

/// The longest life, in days.
const DAYS_MAX: u16 = 365;
const DAY_MS: i64 = 86_400_000;
/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 100;

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a token; it is printed once, alone on stdout
    Create(Create),
    /// List the tokens of a user that have not ended
    ///
    /// One a line, tabs between: id, name, scopes, made, ends, last used.
    List(Whose),
    /// End a token; it is refused from the next request on
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    whose: Whose,
    /// What it is called, 1 to 100 characters
    #[arg(long, default_value = "command line")]
    name: String,
    /// What it allows: tasks:read tasks:write audit:read audit:all webhooks tokens chat
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', value_parser = scope)]
    #[arg(default_values = ["tasks:read", "tasks:write"])]
    scopes: Vec<Scope>,
    /// When it ends, in days from now
    #[arg(long, value_name = "DAYS", default_value_t = DAYS_MAX)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=i64::from(DAYS_MAX)))]
    expires: u16,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    #[command(flatten)]
    whose: Whose,
    /// The token's id, as `tickler token list` shows it
    id: Uuid,
}

#[derive(Debug, Args)]
pub(super) struct Whose {
    /// Whose token
    #[arg(long)]
    user: String,
    /// The folder that holds the data [env TICKLER_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

fn scope(name: &str) -> Result<Scope, String> {
    let names = || Scope::ALL.map(Scope::name).join(", ");
    Scope::parse(name.trim()).ok_or_else(|| format!("the scopes are {}", names()))
}

impl Whose {
    async fn open(&self) -> Not<(Config, Accounts, UserId)> {
        let user = user_id(&self.user)?;
        let config = configured(self.data.clone())?;
        let accounts = accounts(&config).await?;
        Ok((config, accounts, user))
    }
}

impl Token {
    /// Does it.
    pub(super) async fn run(self) -> Not<Exit> {
        match self {
            Self::Create(create) => create.run().await,
            Self::List(whose) => {
                let (_, accounts, user) = whose.open().await?;
                let tokens = accounts.tokens(&user, wall_clock()).await.map_err(unavailable)?;
                tokens.iter().for_each(|token| println!("{}", line(token)));
                accounts.close().await;
                Ok(Exit::Done)
            }
            Self::Revoke(revoke) => {
                let (_, accounts, user) = revoke.whose.open().await?;
                let gone = accounts.delete_token(&user, revoke.id).await.map_err(unavailable)?;
                accounts.close().await;
                match gone {
                    true => Ok(Exit::Done),
                    false => Err((Exit::Refused, format!("{user} has no token {}", revoke.id))),
                }
            }
        }
    }
}

impl Create {
    async fn run(self) -> Not<Exit> {
        let name = self.name.trim();
        let count = name.chars().count();
        if !(1..=NAME_CHARS_MAX).contains(&count) || name.chars().any(char::is_control) {
            return Err((Exit::Usage, "--name has 1 to 100 characters".to_owned()));
        }
        let (config, accounts, user) = self.whose.open().await?;
        let scopes: Scopes = self.scopes.iter().copied().collect();
        let now = wall_clock();
        let ends = now.plus(i64::from(self.expires) * DAY_MS);
        let made = accounts.create_token(&user, name, scopes, now, ends).await;
        accounts.close().await;
        let Some((token, secret)) = made.map_err(unavailable)? else {
            return Err((Exit::Refused, format!("{user} has 20 tokens; revoke one first")));
        };
        eprintln!("{}", line(&token));
        if config.is_dev() {
            eprintln!(
                "In dev mode no token is asked for, and none is taken: this one is for later."
            );
        }
        println!("{secret}");
        Ok(Exit::Done)
    }
}

fn line(token: &Shown) -> String {
    let at = |at: Timestamp| at.to_string();
    let used = token.last_used_at.map_or_else(|| "never".to_owned(), at);
    let (made, ends) = (at(token.created_at), at(token.expires_at));
    format!("{}\t{}\t{}\t{made}\t{ends}\t{used}", token.id, token.name, token.scopes)
}
