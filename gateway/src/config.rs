//! Configuration: what each variable and flag means is said here, by the struct that holds it.

mod parse;
mod read;

#[cfg(test)]
mod tests;

use std::{net::SocketAddr, path::PathBuf};

use chrono_tz::Tz;
use clap::ValueEnum;
use thiserror::Error;

pub(crate) use parse::Network;
pub use read::{Flags, VARIABLES};

/// A variable or flag that stops the start.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name}: {why}")]
pub struct Wrong {
    /// The variable or flag.
    pub name: String,
    /// One sentence that says what to do.
    pub why: String,
}

/// Where the actors live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Runtime {
    /// In this process, over SQLite.
    #[default]
    Embedded,
    /// Spread over pods, by Dapr.
    Dapr,
}

/// What this process does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Gateway and actors.
    #[default]
    All,
    /// The gateway alone (Dapr).
    Gateway,
    /// The actors alone (Dapr).
    Actors,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line: ts, level, msg, trace_id and more.
    Json,
}

/// Where a JWKS comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwksSource {
    /// An http(s) URL.
    Url(String),
    /// A file.
    File(PathBuf),
}

/// How JSON Web Tokens are checked.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Jwt {
    /// `TICKLER_JWKS`, else `BETTER_AUTH_URL` + `/api/auth/jwks`: where the public keys are.
    pub jwks: Option<JwksSource>,
    /// `TICKLER_JWT_SECRET`, else `BETTER_AUTH_SECRET`: one shared secret for HS256, at least 32 bytes.
    pub secret: Option<String>,
    /// `TICKLER_JWT_ISSUER`, else `BETTER_AUTH_URL`: `iss` must be this.
    pub issuer: Option<String>,
    /// `TICKLER_JWT_AUDIENCE`, else `BETTER_AUTH_URL`: `aud` must hold this.
    pub audience: Option<String>,
    /// `TICKLER_JWT_ALGS`: the algorithms that keys of the JWKS may have.
    pub algorithms: Vec<String>,
    /// `TICKLER_JWT_SUBJECT_CLAIM`: the claim that names the user.
    pub subject_claim: String,
}

/// Who may ask.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// Whoever reaches the loopback address is the user `dev`.
    Dev,
    /// Whoever brings a token.
    Jwt(Box<Jwt>),
}

/// How many requests one user may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// So many requests …
    pub requests: u32,
    /// … in so many seconds.
    pub window_s: u32,
}

/// The Dapr sidecar and its components.
#[derive(Clone, PartialEq, Eq)]
pub struct Dapr {
    /// `DAPR_PUBSUB_NAME`: the pub/sub component.
    pub pubsub: String,
    /// `DAPR_HTTP_PORT`.
    pub http_port: u16,
    /// `DAPR_GRPC_PORT`.
    pub grpc_port: u16,
    /// `DAPR_API_TOKEN`: what we show the sidecar.
    pub api_token: Option<String>,
    /// `KAFKA_BROKERS`: where the log is, so that a sidecar that started without it is started again.
    pub brokers: Vec<String>,
    /// `APP_API_TOKEN`: what the sidecar shows us.
    pub app_token: Option<String>,
    /// `TICKLER_STATE_STORE`: the state store component.
    pub state_store: String,
    /// `TICKLER_SECRET_STORE`: a component that may hold any variable of this table.
    pub secret_store: Option<String>,
    /// `TICKLER_TOPIC_PREFIX`: stands before each topic's name.
    pub topic_prefix: String,
    /// `TICKLER_TOPICS`: whole names of some topics, by their plain names.
    pub topics: Vec<(String, String)>,
    /// `TICKLER_SUBSCRIPTIONS=declarative`: `/dapr/subscribe` answers an empty list.
    pub declarative: bool,
}

/// Mail and chat, each absent until configured.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Outside {
    /// `TICKLER_SMTP_URL`.
    pub smtp_url: Option<String>,
    /// `TICKLER_MAIL_FROM`.
    pub mail_from: Option<String>,
    /// `TICKLER_CHAT_URL`: an OpenAI-compatible API.
    pub chat_url: Option<String>,
    /// `TICKLER_CHAT_MODEL`.
    pub chat_model: Option<String>,
    /// `TICKLER_CHAT_KEY`, else `OPENAI_API_KEY`, `GROQ_API_KEY`.
    pub chat_key: Option<String>,
    /// `TICKLER_OUTBOUND_ALLOW`: networks we may call although they are not public.
    pub allow: Vec<Network>,
}

/// Everything that can be configured.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    /// `TICKLER_RUNTIME`, `--runtime`.
    pub runtime: Runtime,
    /// `TICKLER_ROLE`, `--role`.
    pub role: Role,
    /// `TICKLER_BIND`, `--bind`: where the public interface listens.
    pub bind: SocketAddr,
    /// `TICKLER_SIDECAR_BIND`: where the sidecar's routes listen; default 127.0.0.1 with the public port.
    pub sidecar_bind: Option<SocketAddr>,
    /// `TICKLER_DATA_DIR`, `--data`: the folder of the embedded runtime.
    pub data: PathBuf,
    /// `DATABASE_URL`: the views on PostgreSQL.
    pub database_url: Option<String>,
    /// Who may ask.
    pub auth: Auth,
    /// `TICKLER_PUBLIC_URL`: how the world reaches us, without a slash at the end.
    pub public_url: Option<String>,
    /// `TICKLER_ALLOWED_HOSTS`: `Host` values besides loopback and the public URL's.
    pub hosts: Option<Vec<String>>,
    /// `TICKLER_ALLOWED_ORIGINS`, else `CORS_ORIGINS`: exact origins; default loopback and the public URL's.
    pub origins: Option<Vec<String>>,
    /// `TICKLER_LIVE_QUERY_TOKEN`: live streams of the aliases take a token from the query.
    pub live_query_token: bool,
    /// `TICKLER_ZONE`: the zone of users who have set none.
    pub zone: Tz,
    /// `TICKLER_RATE_USER`: `1000/10`; 0 turns every rate off.
    pub rate: Option<Rate>,
    /// `TICKLER_GATE_MS`: how long an answer waits for the log.
    pub gate_ms: u64,
    /// `TICKLER_LOG_FORMAT`, `--log-format`.
    pub log_format: LogFormat,
    /// `TICKLER_LOG_LEVEL`.
    pub log_level: tracing::Level,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub otlp: Option<String>,
    /// Mail and chat.
    pub outside: Outside,
    /// Dapr.
    pub dapr: Dapr,
    /// `TICKLER_TEST_CLOCK=1`: `/dev/clock` sets the clock, for tests.
    pub test_clock: bool,
}

impl Config {
    /// Whether whoever reaches us is the user `dev`.
    pub fn is_dev(&self) -> bool {
        matches!(self.auth, Auth::Dev)
    }
}
