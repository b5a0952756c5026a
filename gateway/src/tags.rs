//! What can be done with tags, the same for HTTP and MCP.

use actors::{
    Answered, Done, Failure,
    message::{
        key::UserId,
        task::{
            command::{Command, Reply, TagUse},
            query::{Answer, Query},
        },
    },
};

use crate::{
    app::{App, How},
    identity::Caller,
    tasks::{expect_variant, settled, unexpected},
};

/// Makes or renames a tag.
pub(crate) async fn change(
    app: &App,
    caller: &Caller,
    how: &How,
    command: Command,
) -> Result<Done<TagUse>, Failure> {
    let mut told = app.tell(caller, how, command).await?;
    told.version = settled(app, &caller.user, told.version).await;
    expect_variant!(told, Reply::Tag(tag) => tag)
}

/// Deletes a tag.
pub(crate) async fn delete(
    app: &App,
    caller: &Caller,
    how: &How,
    command: Command,
) -> Result<Done<()>, Failure> {
    let mut told = app.tell(caller, how, command).await?;
    told.version = settled(app, &caller.user, told.version).await;
    expect_variant!(told, Reply::Done => ())
}

/// Every tag, by name.
pub(crate) async fn list(
    app: &App,
    user: &UserId,
    min_version: u64,
) -> Result<Answered<Vec<TagUse>>, Failure> {
    let Answered { answer, version } = app.ask(user, Query::Tags, min_version).await?;
    match answer {
        Answer::Tags(tags) => Ok(Answered { answer: tags, version }),
        other => Err(unexpected(&other)),
    }
}
