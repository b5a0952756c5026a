//! `tickler dlq`: events that could not be read or stored, which were set aside so that the others went on.

use std::{io::Read, io::Write, path::PathBuf};

use actors::message::time::Timestamp;
use anyhow::Context;
use clap::{Args, Subcommand};

use super::{
    Exit,
    upkeep::{config, ended, views_there},
};
use crate::{
    app::wall_clock,
    incoming::read_letter,
    views::{
        Letter, Views,
        letters::{Decided, WAITING},
    },
};

#[derive(Debug, Subcommand)]
pub(super) enum Dlq {
    /// One line for each event that waits: its id, when it came, its topic, why it could not be taken
    List {
        /// Those that were replayed or dropped too; they are kept for 30 days
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        place: Place,
    },
    /// The event, byte for byte, on stdout; why it could not be taken on stderr
    Show {
        /// Its id, as `tickler dlq list` says it
        id: String,
        #[command(flatten)]
        place: Place,
    },
    /// Give events their effect, once, as they are or as they were mended
    ///
    /// Example: tickler dlq show ID > event.json, mend it, tickler dlq replay ID --event event.json
    Replay {
        #[command(flatten)]
        which: Which,
        /// The event as it was mended; - for stdin
        #[arg(long, value_name = "FILE", conflicts_with = "all")]
        event: Option<PathBuf>,
        #[command(flatten)]
        place: Place,
    },
    /// Decide that nobody wants them
    Drop {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Args)]
pub(super) struct Place {
    /// The folder that holds the data, where DATABASE_URL names no database [env TICKLER_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Which {
    /// Their ids
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// Every one that waits
    #[arg(long)]
    all: bool,
}

impl Dlq {
    /// Does it.
    pub(super) async fn run(self) -> Exit {
        let (Self::List { place, .. }
        | Self::Show { place, .. }
        | Self::Replay { place, .. }
        | Self::Drop { place, .. }) = &self;
        match config(place.data.clone()) {
            Ok(config) => {
                let done = async {
                    let views = views_there(&config).await?;
                    let done = self.on(&views).await;
                    views.close().await;
                    done
                };
                ended(done.await)
            }
            Err(exit) => exit,
        }
    }

    async fn on(self, views: &Views) -> anyhow::Result<Exit> {
        match self {
            Self::List { all, .. } => {
                list(views, if all { Decided::Too } else { Decided::Not }).await
            }
            Self::Show { id, .. } => show(views, &id).await,
            Self::Replay { which, event, .. } => {
                if which.ids.len() > 1 && event.is_some() {
                    eprintln!("tickler: --event mends one event; name one id");
                    return Ok(Exit::Usage);
                }
                let mended = event.map(read).transpose()?;
                each(views, which, async |id| replay(views, id, mended.as_deref()).await).await
            }
            Self::Drop { which, .. } => each(views, which, async |id| drop(views, id).await).await,
        }
    }
}

fn read(file: PathBuf) -> anyhow::Result<Vec<u8>> {
    if file.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).context("stdin cannot be read")?;
        return Ok(bytes);
    }
    std::fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))
}

async fn list(views: &Views, decided: Decided) -> anyhow::Result<Exit> {
    for letter in views.letters(decided).await? {
        let Letter { id, topic, error, status, came_at, .. } = letter;
        let status = if decided == Decided::Too { format!("  {status}") } else { String::new() };
        println!("{id}  {}{status}  {topic}  {error}", Timestamp(came_at));
    }
    Ok(Exit::Done)
}

async fn show(views: &Views, id: &str) -> anyhow::Result<Exit> {
    let Some(letter) = views.letter(id).await? else { return Ok(unknown(id)) };
    let Letter { topic, event, error, status, came_at, .. } = letter;
    eprintln!("{topic}, {}, {status}: {error}", Timestamp(came_at));
    let mut out = std::io::stdout().lock();
    out.write_all(&event)
        .and_then(|()| out.write_all(b"\n"))
        .context("stdout cannot be written")?;
    Ok(Exit::Done)
}

/// Does the same with each, and says how the worst of them ended.
async fn each(
    views: &Views,
    which: Which,
    one: impl AsyncFn(&str) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    let ids = match which.all {
        true => views.letters(Decided::Not).await?.into_iter().map(|letter| letter.id).collect(),
        false => which.ids,
    };
    let mut exit = Exit::Done;
    for id in ids {
        if one(&id).await? != Exit::Done {
            exit = Exit::Refused;
        }
    }
    Ok(exit)
}

async fn replay(views: &Views, id: &str, mended: Option<&[u8]>) -> anyhow::Result<Exit> {
    let Some(letter) = views.letter(id).await? else { return Ok(unknown(id)) };
    if letter.status != WAITING {
        eprintln!("tickler: {id} was {} before", letter.status);
        return Ok(Exit::Refused);
    }
    match read_letter(mended.unwrap_or(&letter.event)) {
        Ok(event) => {
            views.replay_letter(id, &event, wall_clock()).await?;
            println!("{id}  replayed");
            Ok(Exit::Done)
        }
        Err(why) => {
            eprintln!(
                "tickler: {id}: {why}; mend it (tickler dlq show {id} > FILE) and replay it with --event FILE"
            );
            Ok(Exit::Refused)
        }
    }
}

async fn drop(views: &Views, id: &str) -> anyhow::Result<Exit> {
    if views.drop_letter(id, wall_clock()).await? {
        println!("{id}  dropped");
        return Ok(Exit::Done);
    }
    Ok(match views.letter(id).await? {
        Some(letter) => {
            eprintln!("tickler: {id} was {} before", letter.status);
            Exit::Refused
        }
        None => unknown(id),
    })
}

fn unknown(id: &str) -> Exit {
    eprintln!("tickler: there is no {id}; see tickler dlq list");
    Exit::Refused
}
