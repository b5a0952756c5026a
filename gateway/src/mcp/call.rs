//! A call from its arguments to its result.

use rmcp::model::CallToolResult;

use super::{
    Asked,
    args::{Args, check_user},
    lists,
    names::{Sugar, Tool},
    remind,
    result::{self, Outcome, Refusal},
    scene::Scene,
    write,
};
use crate::fields::Object;

/// Calls a tool.
pub(super) async fn call(
    asked: &Asked,
    tool: Tool,
    sugar: Sugar,
    arguments: Object,
) -> CallToolResult {
    let scene = match Scene::begin(asked, &format!("{tool:?}"), &arguments).await {
        Ok(scene) => scene,
        Err(refusal) => return result::refused(&refusal, None),
    };
    match run(&scene, tool, sugar, arguments).await {
        Ok(outcome) => outcome.result(&scene),
        Err(refusal) => result::refused(&refusal, Some(&scene)),
    }
}

async fn run(
    scene: &Scene<'_>,
    tool: Tool,
    sugar: Sugar,
    mut arguments: Object,
) -> Result<Outcome, Refusal> {
    check_user(&mut arguments, scene.user())?;
    let mut args = Args::new(arguments, &[sugar, tool.synonyms()])?;
    args.take("idempotency_key");
    match tool {
        Tool::Add => write::add(scene, args).await,
        Tool::Update => write::update(scene, args).await,
        Tool::Complete => write::complete(scene, args).await,
        Tool::Delete => write::delete(scene, args).await,
        Tool::List => lists::list(scene, args).await,
        Tool::Sort => lists::sort(scene, args).await,
        Tool::SetReminder => remind::set(scene, args).await,
        Tool::CancelReminder => remind::cancel(scene, args).await,
        Tool::ListReminders => remind::list(scene, args).await,
    }
}
