//! The same operations for chatbots: MCP over Streamable HTTP at `/mcp`, and on stdio.
//!
//! `rmcp` speaks the protocol, in both revisions and without sessions; a call is read (`names`, `args`, `english`,
//! `refs`), made the same commands as over HTTP (`write`, `lists`, `remind`), and its result written (`result`, `lines`).

mod args;
mod call;
mod english;
mod lines;
mod lists;
mod names;
mod refs;
mod remind;
mod resources;
mod result;
mod scene;
pub(crate) mod stdio;
#[cfg(test)]
mod tests;
mod tools;
mod write;

use std::sync::{Arc, LazyLock};

use actors::message::call::Caller as Kind;
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Request, StatusCode, header, request::Parts},
    response::Response,
};
use bytes::Bytes;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CompleteRequestMethod, CompleteRequestParams,
        CompleteResult, GetPromptRequestParams, GetPromptResponse, Implementation,
        ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
        ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};
use serde_json::{Value, json};

pub(crate) use call::{Called, call_named};
pub(crate) use tools::list as tools;

use crate::{
    app::App,
    http::{Ask, BODY_BYTES_MAX, Outcome},
    identity::{Audience, Caller, scope::Scope},
    problem::{Problem, Slug},
};

/// What a chatbot is told before it sees the tools.
const INSTRUCTIONS: &str = "Tickler keeps the user's tasks, reminders and recurring tasks. A task is \
    named by its number (#42), its title or its id. Dates may be in English (\"tomorrow 5pm\"). Each \
    result has a line to read out for every task, and says in failures what was not done and why.";

/// Who calls tools, and in which trace.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) app: Arc<App>,
    pub(crate) caller: Arc<Caller>,
    /// What events say of how they ask: `mcp`, or `chat`.
    pub(crate) kind: Kind,
    pub(crate) traceparent: String,
}

type Service = StreamableHttpService<Handler, NeverSessionManager>;

/// `rmcp`'s side of the endpoint: one for all requests, as it keeps nothing between them.
static SERVICE: LazyLock<Service> = LazyLock::new(|| {
    // Host, Origin and the size of bodies were judged on the way here.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(BODY_BYTES_MAX)
        .disable_allowed_hosts();
    StreamableHttpService::new(|| Ok(Handler), Arc::new(NeverSessionManager::default()), config)
});

/// `POST /mcp`
pub(crate) async fn post(ask: Ask) -> Outcome {
    let caller = ask.caller().clone();
    let asked = Asked { app: ask.app, caller, kind: Kind::Mcp, traceparent: ask.traceparent };
    answer(asked, ask.parts, ask.body).await
}

/// Answers one message of a client.
pub(crate) async fn answer(asked: Asked, mut parts: Parts, body: Bytes) -> Outcome {
    let message: Value = match serde_json::from_slice(&body) {
        Ok(message @ Value::Object(_)) => message,
        Ok(_) => return Ok(unreadable(-32600, "A message is one JSON object.")),
        Err(_) => return Ok(unreadable(-32700, "The body is not JSON in UTF-8.")),
    };
    if let Some(scope) = scope(&message).filter(|scope| !asked.caller.scopes.has(*scope)) {
        return Err(asked.app.identity.lacking(scope, &parts.headers, Audience::Mcp));
    }
    if let Some(why) = misshapen(&message) {
        return Ok(error(StatusCode::OK, &message["id"], -32602, why));
    }
    accept(&mut parts.headers);
    parts.extensions.insert(asked);
    let json = parts.headers.get(header::CONTENT_TYPE).is_some_and(is_json);
    let answer = SERVICE.handle(Request::from_parts(parts, Body::from(body))).await;
    match answer.status() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE if json => {
            Ok(unreadable(-32600, "The message is no JSON-RPC 2.0 request or notification."))
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            let why = "The body must be application/json in UTF-8.";
            Err(Problem::new(Slug::UnsupportedMediaType, why))
        }
        StatusCode::BAD_REQUEST
            if !answer.headers().get(header::CONTENT_TYPE).is_some_and(is_json) =>
        {
            // A header that rmcp refuses, such as a revision of the protocol that nobody knows.
            let why = axum::body::to_bytes(Body::new(answer.into_body()), REFUSAL_BYTES_MAX).await;
            let why = why.ok().and_then(|why| String::from_utf8(why.to_vec()).ok());
            let why = why.filter(|why| !why.is_empty());
            Err(Problem::new(
                Slug::Malformed,
                why.unwrap_or_else(|| "A header is wrong.".to_owned()),
            ))
        }
        _ => Ok(answer.map(Body::new)),
    }
}

/// Longest reason of rmcp's that is passed on.
const REFUSAL_BYTES_MAX: usize = 4 * 1024;

fn is_json(value: &HeaderValue) -> bool {
    let kind = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

/// What is wrong with the parameters of a method that rmcp would then not know.
fn misshapen(message: &Value) -> Option<&'static str> {
    message.get("id").filter(|id| !id.is_null())?;
    let params = &message["params"];
    match message["method"].as_str()? {
        "tools/call" if !params["name"].is_string() => Some("params.name is the name of a tool."),
        "tools/call" if !(params["arguments"].is_object() || params["arguments"].is_null()) => {
            Some("params.arguments is an object.")
        }
        "resources/read" if !params["uri"].is_string() => Some("params.uri is a resource's URI."),
        _ => None,
    }
}

/// The scope that a message needs; who only looks around needs none.
fn scope(message: &Value) -> Option<Scope> {
    let params = &message["params"];
    match message["method"].as_str()? {
        "tools/call" => {
            let (tool, _) = names::tool(params["name"].as_str()?)?;
            Some(needs(tool, &params["arguments"]["save"]))
        }
        "resources/read" => Some(Scope::TasksRead),
        _ => None,
    }
}

/// The scope that a tool needs; `save` is the argument of `sort_tasks`.
fn needs(tool: names::Tool, save: &Value) -> Scope {
    match tool {
        names::Tool::List | names::Tool::ListReminders => Scope::TasksRead,
        names::Tool::Sort if !saves(save) => Scope::TasksRead,
        _ => Scope::TasksWrite,
    }
}

fn saves(save: &Value) -> bool {
    match save {
        Value::Bool(save) => *save,
        Value::Null => false,
        other => other.as_str().is_some_and(|text| text.trim().eq_ignore_ascii_case("true")),
    }
}

/// We answer JSON, whatever a client says that it takes; rmcp wants both kinds named.
fn accept(headers: &mut HeaderMap) {
    let both = HeaderValue::from_static("application/json, text/event-stream");
    headers.insert(header::ACCEPT, both);
}

/// What cannot be read has no id to answer to.
fn unreadable(code: i32, why: &str) -> Response {
    error(StatusCode::BAD_REQUEST, &Value::Null, code, why)
}

fn error(status: StatusCode, id: &Value, code: i32, why: &str) -> Response {
    let body = json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": why}});
    let mut answer = Response::new(Body::from(body.to_string()));
    *answer.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(header::CONTENT_TYPE, json);
    answer
}

/// What the protocol asks of us.
#[derive(Clone, Copy, Debug)]
struct Handler;

/// Who asked, as it was put into the request.
fn asked(context: &RequestContext<RoleServer>) -> Result<Asked, ErrorData> {
    let parts = context.extensions.get::<Parts>();
    let asked = parts.and_then(|parts| parts.extensions.get::<Asked>()).cloned();
    asked.ok_or_else(|| ErrorData::internal_error("Nobody asked.", None))
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_prompts()
            .build();
        let name = Implementation::new("tickler", env!("CARGO_PKG_VERSION")).with_title("Tickler");
        ServerConfig::new(capabilities).with_server_info(name).with_instructions(INSTRUCTIONS)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools().iter().find(|tool| tool.name == name).cloned()
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools().to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let asked = asked(&context)?;
        let Some((tool, sugar)) = names::tool(&request.name) else {
            let why = format!("There is no tool {}.", crate::fields::value::quoted(&request.name));
            return Err(ErrorData::invalid_params(why, None));
        };
        let arguments = request.arguments.unwrap_or_default();
        Ok(call::call(&asked, tool, sugar, arguments).await.into())
    }

    // There are no prompts, which the empty list says: the conformance suite wants that list of everybody.
    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let name = crate::fields::value::quoted(&request.name);
        Err(ErrorData::invalid_params(format!("There is no prompt {name}."), None))
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Err(ErrorData::method_not_found::<CompleteRequestMethod>())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(resources::list()))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(resources::templates()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let asked = asked(&context)?;
        resources::read(&asked, &request.uri).await.map(Into::into)
    }
}
