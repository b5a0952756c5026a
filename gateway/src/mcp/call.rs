//! A call from its arguments to its result.

use rmcp::model::CallToolResult;
use serde_json::Value;

use super::{
    Asked,
    args::{Args, check_user},
    lists,
    names::{self, Sugar, Tool},
    needs, remind,
    result::{self, Outcome, Refusal},
    scene::Scene,
    write,
};
use crate::{
    fields::{Object, value::quoted},
    problem::Slug,
};

/// What a call came to, for who speaks no MCP.
pub(crate) struct Called {
    /// Whether anything was done.
    pub(crate) ok: bool,
    /// As data: `structuredContent`.
    pub(crate) result: Value,
    /// As lines to read out.
    pub(crate) lines: String,
}

impl From<CallToolResult> for Called {
    fn from(result: CallToolResult) -> Self {
        let texts = result.content.iter().filter_map(|block| block.as_text());
        let lines: Vec<&str> = texts.map(|text| text.text.as_str()).collect();
        Self {
            ok: result.is_error != Some(true),
            lines: lines.join("\n"),
            result: result.structured_content.unwrap_or_default(),
        }
    }
}

/// Calls a tool by its name, if there is one and the caller may.
pub(crate) async fn call_named(asked: &Asked, name: &str, arguments: Object) -> Called {
    let refused = |slug: Slug, why| result::refused(&Refusal::new(slug.code(), why), None);
    let Some((tool, sugar)) = names::tool(name) else {
        return refused(Slug::NotFound, format!("There is no tool {}.", quoted(name))).into();
    };
    let scope = needs(tool, arguments.get("save").unwrap_or(&Value::Null));
    if !asked.caller.scopes.has(scope) {
        let why = format!("The user's credential does not allow this: it lacks {}.", scope.name());
        return refused(Slug::InsufficientScope, why).into();
    }
    call(asked, tool, sugar, arguments).await.into()
}

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
