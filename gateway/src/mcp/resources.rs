//! Tasks as resources: views by name, single tasks by id or number.

use rmcp::{
    ErrorData,
    model::{ReadResourceResult, Resource, ResourceContents, ResourceTemplate},
};
use serde_json::{Map, Value};

use super::{
    Asked,
    lines::{self, Detail},
    lists::{self, VIEWS},
    refs::{self, Among},
    result::Refusal,
    scene::Scene,
};
use crate::fields::value;

const PREFIX: &str = "tickler://tasks/";
const JSON: &str = "application/json";
/// Tasks that a view holds at most, as a resource has no pages.
const VIEW_MAX: usize = 100;

/// The views.
pub(super) fn list() -> Vec<Resource> {
    let resource = |(name, _, what): &(&str, lists::View, &str)| {
        Resource::new(format!("{PREFIX}{name}"), format!("tasks: {name}"))
            .with_description(*what)
            .with_mime_type(JSON)
    };
    VIEWS.iter().map(resource).collect()
}

/// What can be read besides.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    let template = |variable: &str, name: &str, what: &str| {
        ResourceTemplate::new(format!("{PREFIX}{{{variable}}}"), name)
            .with_description(what)
            .with_mime_type(JSON)
    };
    vec![
        template("view", "tasks", "The tasks of a view: today, overdue, upcoming, open and so on"),
        template("id", "task", "One task, by its id or number"),
    ]
}

/// Reads a view or a task.
pub(super) async fn read(asked: &Asked, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let absent = || {
        let uri = value::quoted(uri);
        ErrorData::resource_not_found(format!("There is no resource {uri}."), None)
    };
    let name = uri.strip_prefix(PREFIX).filter(|name| !name.is_empty()).ok_or_else(absent)?;
    let internal = |refusal: Refusal| {
        let (shown, line) = refusal.shown(0);
        ErrorData::internal_error(line, Some(shown))
    };
    let scene = Scene::begin(asked, "read", &Map::new()).await.map_err(internal)?;
    let whole: Value = match lists::view(name) {
        Ok(view) => {
            let list = lists::of_view(view, VIEW_MAX, &scene);
            let page = lists::page(&scene, list, Detail::Short).await.map_err(internal)?;
            page.structured(&scene)
        }
        Err(_) => {
            value::task_ref(name).ok_or_else(absent)?;
            match refs::find(&scene, name, Among::Open).await {
                Ok(task) => lines::task(&task, scene.user(), Detail::Full),
                Err(_) => archived(&scene, name).await.ok_or_else(absent)?,
            }
        }
    };
    let contents = ResourceContents::text(whole.to_string(), uri).with_mime_type(JSON);
    Ok(ReadResourceResult::new(vec![contents]))
}

/// A task that has left the list, as it was.
async fn archived(scene: &Scene<'_>, name: &str) -> Option<Value> {
    let name = name.to_ascii_lowercase();
    let body = scene.app().views.archived(scene.user().as_str(), &name).await.ok().flatten()?;
    let Value::Object(mut task) = serde_json::from_str(&body).ok()? else { return None };
    let id = task.shift_remove("id")?;
    task.shift_insert(0, "task_id".to_owned(), id);
    Some(Value::Object(task))
}
