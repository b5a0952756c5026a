//! Whether we live, whether we can work, what we count, and how to say who one is.

use std::time::Duration;

use actors::{Actors, dapr::Front};
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Ask, Outcome, answer};
use crate::{config::Auth, identity::scope::Scope};

/// Longest that one check may take.
const CHECK_MS: u64 = 2_000;

/// `GET /health`
pub(super) async fn health(_: Ask) -> Outcome {
    let body = json!({
        "status": "healthy",
        "version": env!("CARGO_PKG_VERSION"),
        "tzdata": chrono_tz::IANA_TZDB_VERSION,
    });
    Ok(answer::json(StatusCode::OK, &body))
}

/// `GET /ready`
pub(super) async fn ready(ask: Ask) -> Outcome {
    let limit = Duration::from_millis(CHECK_MS);
    let app = &ask.app;
    let (store, actors, views) = tokio::join!(
        timeout(limit, app.actors.store()),
        timeout(limit, app.actors.ready()),
        timeout(limit, views(app)),
    );
    let (store, actors, views) = (said(store), said(actors), said(views));
    let mut checks = json!({
        "store": store,
        "actors": actors,
        "views": views,
    });
    if let Actors::Dapr(front) = &app.actors {
        checks["sidecar"] = sidecar(app.config.dapr.http_port, limit).await;
        checks["pubsub"] = said(timeout(limit, pubsub(front)).await);
    }
    let mut counted = checks.as_object().into_iter().flatten();
    // Tasks need no log: without one a host is as ready as with it.
    let all = counted.all(|(name, check)| name == "pubsub" || check["ok"] == true);
    let (status, word) = match all {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    Ok(answer::json(status, &json!({ "status": word, "checks": checks })))
}

/// Whether accounts and views answer, and the views take what the log says.
async fn views(app: &crate::app::App) -> anyhow::Result<()> {
    app.accounts.check().await?;
    app.views.check().await?;
    match app.feed.failing() {
        Some(why) => anyhow::bail!("the views do not take events: {why}"),
        None => Ok(()),
    }
}

async fn pubsub(front: &Front) -> anyhow::Result<()> {
    anyhow::ensure!(front.has_pubsub().await?, "the sidecar started without its pub/sub component");
    Ok(())
}

fn said<E: std::fmt::Display>(
    checked: Result<Result<(), E>, tokio::time::error::Elapsed>,
) -> Value {
    match checked {
        Ok(Ok(())) => json!({ "ok": true, "detail": "ok" }),
        Ok(Err(error)) => json!({ "ok": false, "detail": error.to_string() }),
        Err(_) => json!({ "ok": false, "detail": format!("no answer within {CHECK_MS} ms") }),
    }
}

async fn sidecar(port: u16, limit: Duration) -> Value {
    let url = format!("http://127.0.0.1:{port}/v1.0/healthz");
    let client = reqwest::Client::builder().no_proxy().timeout(limit).build();
    let asked = match client {
        Ok(client) => client.get(url).send().await.and_then(reqwest::Response::error_for_status),
        Err(error) => Err(error),
    };
    match asked {
        Ok(_) => json!({ "ok": true, "detail": "ok" }),
        Err(error) => json!({ "ok": false, "detail": error.without_url().to_string() }),
    }
}

/// `GET /metrics`
pub(super) async fn metrics(ask: Ask) -> Outcome {
    let mut answer = Response::new(Body::from(ask.app.metrics.render()));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(answer)
}

/// `GET /.well-known/oauth-protected-resource[/mcp]`
pub(super) async fn protected_resource(ask: Ask) -> Outcome {
    let base = ask.app.identity.base_url(&ask.parts.headers);
    let mcp = ask.parts.uri.path().ends_with("/mcp");
    let issuers: Vec<&str> = match &ask.app.config.auth {
        Auth::Jwt(jwt) => jwt.issuer.as_deref().into_iter().collect(),
        Auth::Dev => Vec::new(),
    };
    let body = json!({
        "resource": if mcp { format!("{base}/mcp") } else { base },
        "authorization_servers": issuers,
        "scopes_supported": Scope::ALL.map(Scope::name),
        "bearer_methods_supported": ["header"],
    });
    Ok(answer::json(StatusCode::OK, &body))
}
