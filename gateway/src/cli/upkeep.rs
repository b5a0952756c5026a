//! `tickler audit verify` and `tickler replay`: the upkeep of the views.

use std::{path::PathBuf, time::Duration};

use actors::{
    Actors,
    embedded::Embedded,
    message::{
        key::UserId,
        task::{
            query::{Answer, Query},
            shown::shown,
        },
    },
    turn::Seen,
};
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};

use super::{Exit, variables};
use crate::{
    config::{Config, Flags},
    feed::Feed,
    live::Live,
    serve::{Host, open_views},
    views::{self, Views},
};

/// Longest that the actors may take to close.
const CLOSE_MS: u64 = 5_000;
/// Longest that the views may take to read the rest of the log.
const CATCH_UP_MS: u64 = 60_000;

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Check that nobody changed the audit trail
    ///
    /// Exit 0 where every chain is whole, 1 with the first broken entry of each that is not.
    Verify(Whose),
}

#[derive(Debug, Args)]
pub(super) struct Whose {
    /// One user [default: all]
    #[arg(long)]
    user: Option<String>,
    /// The folder that holds the data [env TICKLER_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Replay {
    /// Which view
    view: View,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum View {
    /// What can be found: made anew from the tasks themselves
    Search,
    /// Streams for screens: begun anew, so that every screen fetches what there is
    Live,
}

impl Audit {
    /// Does it.
    pub(super) async fn run(self) -> Exit {
        let Self::Verify(whose) = self;
        match whose.config() {
            Ok(config) => ended(verify(&config, whose.user).await),
            Err(exit) => exit,
        }
    }
}

impl Replay {
    /// Does it.
    pub(super) async fn run(self) -> Exit {
        match self.whose.config() {
            Ok(config) => ended(replay(&config, self.view, self.whose.user).await),
            Err(exit) => exit,
        }
    }
}

impl Whose {
    fn config(&self) -> Result<Config, Exit> {
        config(self.data.clone())
    }
}

/// The configuration of a command, with the folder that it names.
pub(super) fn config(data: Option<PathBuf>) -> Result<Config, Exit> {
    let flags = Flags { data, ..Flags::default() };
    Config::read(variables(), &flags).map_err(|wrong| {
        eprintln!("tickler: {wrong}");
        Exit::Usage
    })
}

/// The views, which must be there already.
pub(super) async fn views_there(config: &Config) -> anyhow::Result<Views> {
    let file = config.data.join(views::FILE);
    if config.database_url.is_none() && !file.exists() {
        anyhow::bail!("there is no audit trail at {}", file.display());
    }
    open_views(config).await
}

pub(super) fn ended(result: anyhow::Result<Exit>) -> Exit {
    result.unwrap_or_else(|error| {
        eprintln!("tickler: {error:#}");
        Exit::Unavailable
    })
}

async fn verify(config: &Config, user: Option<String>) -> anyhow::Result<Exit> {
    let views = views_there(config).await?;
    let users = match user {
        Some(user) => vec![user],
        None => views.audited_users().await?,
    };
    let mut exit = Exit::Done;
    for user in users {
        match views.verify(&user).await? {
            Ok(entries) => println!("{user}: {entries} entries, whole"),
            Err(broken) => {
                let id = broken.id.as_deref().unwrap_or("absent");
                println!("{user}: broken at entry {} ({id}): {}", broken.ordinal, broken.why);
                exit = Exit::Refused;
            }
        }
    }
    views.close().await;
    Ok(exit)
}

async fn replay(config: &Config, view: View, user: Option<String>) -> anyhow::Result<Exit> {
    let host = Host::open(config).await?;
    let views = open_views(config).await?;
    let Actors::Embedded(here) = &host.actors else {
        anyhow::bail!("replay reads the log of a data folder; use --runtime embedded");
    };
    let done = anew(here, &views, view, user).await;
    host.actors.close(Duration::from_millis(CLOSE_MS)).await;
    views.close().await;
    done.map(|()| Exit::Done)
}

async fn anew(
    here: &Embedded,
    views: &Views,
    view: View,
    user: Option<String>,
) -> anyhow::Result<()> {
    let (feed, running) = Feed::start(here.clone(), views.clone(), Live::default());
    let there = feed.caught_up(Duration::from_millis(CATCH_UP_MS)).await;
    running.stop().await;
    anyhow::ensure!(there, "the views do not take what the log says");
    let users = match user {
        Some(user) => vec![UserId::parse(&user).context("--user has 1 to 128 characters")?],
        None => here.users().await?,
    };
    for user in users {
        match view {
            View::Live => {
                views.replay_live(user.as_str()).await?;
                println!("{user}: begun anew");
            }
            View::Search => {
                let answer =
                    here.ask_tasks(&user, Query::Everything, Seen::default()).await?.answer;
                let Answer::Everything { tasks, .. } = answer else {
                    anyhow::bail!("the tasks of {user} cannot be read");
                };
                let tasks: Vec<_> = tasks.iter().map(|task| shown(task, &user)).collect();
                views.replay_search(user.as_str(), &tasks).await?;
                println!("{user}: {} tasks", tasks.len());
            }
        }
    }
    Ok(())
}
