//! Reads the configuration: flags first, then variables, then defaults; the first thing wrong stops it.

use std::{collections::HashMap, net::SocketAddr, path::PathBuf};

use chrono_tz::Tz;
use clap::ValueEnum;

use super::{
    Auth, Config, Dapr, JwksSource, Jwt, LogFormat, Network, Outside, Role, Runtime, Wrong, parse,
};

/// Every variable of ours. Another one that begins with `TICKLER_` stops the start.
pub const VARIABLES: &[&str] = &[
    "TICKLER_RUNTIME",
    "TICKLER_ROLE",
    "TICKLER_BIND",
    "TICKLER_SIDECAR_BIND",
    "TICKLER_DATA_DIR",
    "TICKLER_STATE_STORE",
    "TICKLER_SECRET_STORE",
    "TICKLER_TOPIC_PREFIX",
    "TICKLER_TOPICS",
    "TICKLER_SUBSCRIPTIONS",
    "TICKLER_AUTH",
    "TICKLER_JWKS",
    "TICKLER_JWT_ISSUER",
    "TICKLER_JWT_AUDIENCE",
    "TICKLER_JWT_SECRET",
    "TICKLER_JWT_ALGS",
    "TICKLER_JWT_SUBJECT_CLAIM",
    "TICKLER_PUBLIC_URL",
    "TICKLER_ALLOWED_HOSTS",
    "TICKLER_ALLOWED_ORIGINS",
    "TICKLER_LIVE_QUERY_TOKEN",
    "TICKLER_OUTBOUND_ALLOW",
    "TICKLER_ZONE",
    "TICKLER_RATE_USER",
    "TICKLER_GATE_MS",
    "TICKLER_LOG_FORMAT",
    "TICKLER_LOG_LEVEL",
    "TICKLER_SMTP_URL",
    "TICKLER_MAIL_FROM",
    "TICKLER_CHAT_URL",
    "TICKLER_CHAT_MODEL",
    "TICKLER_CHAT_KEY",
    "TICKLER_TEST_CLOCK",
];

/// Longest wait for the log that may be asked for.
const GATE_MS_MAX: u64 = 5_000;
/// Shortest shared secret, in bytes.
const SECRET_BYTES_MIN: usize = 32;
/// The algorithms we know for keys of a JWKS.
const ALGORITHMS: [&str; 4] = ["EdDSA", "ES256", "RS256", "PS256"];

/// What the command line says of the same things; a flag wins over its variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Flags {
    /// Where the actors live [env TICKLER_RUNTIME; default embedded]
    #[arg(long, value_enum)]
    pub runtime: Option<Runtime>,
    /// What it does; gateway or actors alone need --runtime dapr [env TICKLER_ROLE; default all]
    #[arg(long, value_enum)]
    pub role: Option<Role>,
    /// Where to listen [env TICKLER_BIND; default 127.0.0.1:8000]
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Option<String>,
    /// The folder that holds the data [env TICKLER_DATA_DIR; default the platform's data folder]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// How log lines are written [env TICKLER_LOG_FORMAT; default text]
    #[arg(long, value_enum)]
    pub log_format: Option<LogFormat>,
}

struct Vars(HashMap<String, String>);

type Read<T> = Result<T, Wrong>;

fn wrong<T>(name: &str, why: impl Into<String>) -> Read<T> {
    Err(Wrong { name: name.to_owned(), why: why.into() })
}

impl Vars {
    /// The value of a variable; an empty one is absent.
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|value| !value.is_empty()).cloned()
    }

    fn read<T>(&self, name: &str, read: impl Fn(&str) -> Result<T, String>) -> Read<Option<T>> {
        let value = self.get(name);
        let read = value.map(|value| read(value.trim())).transpose();
        read.map_err(|why| Wrong { name: name.to_owned(), why })
    }

    fn choice<T: ValueEnum>(&self, name: &str) -> Read<Option<T>> {
        self.read(name, |text| {
            T::from_str(text, true).map_err(|_| format!("{text:?} is none of {}", names::<T>()))
        })
    }

    fn on_off(&self, name: &str, otherwise: bool) -> Read<bool> {
        let read = self.read(name, |text| match text.to_ascii_lowercase().as_str() {
            "on" | "true" | "1" => Ok(true),
            "off" | "false" | "0" => Ok(false),
            _ => Err(format!("{text:?} is neither on nor off")),
        });
        Ok(read?.unwrap_or(otherwise))
    }

    fn port(&self, name: &str, otherwise: u16) -> Read<u16> {
        let read = self.read(name, |text| text.parse().map_err(|_| format!("{text:?} is no port")));
        Ok(read?.unwrap_or(otherwise))
    }

    fn list<T>(
        &self,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Read<Option<Vec<T>>> {
        self.read(name, |text| parse::list(text).iter().map(|item| read(item)).collect())
    }
}

fn names<T: ValueEnum>() -> String {
    let all = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    all.map(|value| value.get_name().to_owned()).collect::<Vec<_>>().join(", ")
}

impl Config {
    /// Reads flags and variables.
    pub fn read(
        vars: impl IntoIterator<Item = (String, String)>,
        flags: &Flags,
    ) -> Result<Self, Wrong> {
        let vars = Vars(vars.into_iter().collect());
        refuse_unknown(&vars)?;
        let public_url = vars.read("TICKLER_PUBLIC_URL", parse::url)?;
        let config = Self {
            runtime: flags.runtime.or(vars.choice("TICKLER_RUNTIME")?).unwrap_or_default(),
            role: flags.role.or(vars.choice("TICKLER_ROLE")?).unwrap_or_default(),
            bind: bind(&vars, flags)?,
            sidecar_bind: vars.read("TICKLER_SIDECAR_BIND", parse::address)?,
            data: data(&vars, flags)?,
            database_url: vars.read("DATABASE_URL", parse::database)?,
            auth: auth(&vars)?,
            public_url,
            hosts: vars.list("TICKLER_ALLOWED_HOSTS", |host| Ok(host.to_ascii_lowercase()))?,
            origins: match vars.list("TICKLER_ALLOWED_ORIGINS", parse::origin)? {
                None => vars.list("CORS_ORIGINS", parse::origin)?,
                given => given,
            },
            live_query_token: vars.on_off("TICKLER_LIVE_QUERY_TOKEN", true)?,
            zone: vars.read("TICKLER_ZONE", zone)?.unwrap_or(Tz::UTC),
            rate: vars
                .read("TICKLER_RATE_USER", parse::rate)?
                .unwrap_or(Some(super::Rate { requests: 1000, window_s: 10 })),
            gate_ms: vars.read("TICKLER_GATE_MS", gate)?.unwrap_or(20),
            log_format: match flags.log_format {
                None => vars.choice("TICKLER_LOG_FORMAT")?.unwrap_or_default(),
                Some(format) => format,
            },
            log_level: vars.read("TICKLER_LOG_LEVEL", level)?.unwrap_or(tracing::Level::INFO),
            otlp: vars.get("OTEL_EXPORTER_OTLP_ENDPOINT"),
            outside: outside(&vars)?,
            dapr: dapr(&vars)?,
            test_clock: vars.on_off("TICKLER_TEST_CLOCK", false)?,
        };
        config.agree()
    }

    /// Where the public interface listens, whatever else is configured.
    pub fn bind(vars: impl IntoIterator<Item = (String, String)>) -> Result<SocketAddr, Wrong> {
        bind(&Vars(vars.into_iter().collect()), &Flags::default())
    }

    /// Refuses what does not go together.
    fn agree(self) -> Read<Self> {
        let local = self.bind.ip().is_loopback();
        if self.is_dev() && !local {
            let why = format!(
                "dev mode is for loopback addresses, not for {}: configure TICKLER_JWKS or \
                 TICKLER_JWT_SECRET, or bind to 127.0.0.1",
                self.bind
            );
            return wrong("TICKLER_AUTH", why);
        }
        if self.test_clock && (self.runtime != Runtime::Embedded || !local) {
            return wrong("TICKLER_TEST_CLOCK", "only embedded and on a loopback address");
        }
        if self.role != Role::All && self.runtime == Runtime::Embedded {
            return wrong("TICKLER_ROLE", "the embedded runtime has one role, all");
        }
        if self.sidecar_bind.is_some_and(|at| !at.ip().is_loopback()) {
            return wrong("TICKLER_SIDECAR_BIND", "the sidecar's routes answer on loopback only");
        }
        if self.outside.smtp_url.is_some() && self.outside.mail_from.is_none() {
            return wrong("TICKLER_MAIL_FROM", "TICKLER_SMTP_URL needs a sender");
        }
        Ok(self)
    }
}

/// Kubernetes describes a service called `tickler` to every pod beside it in variables of this form; they are not ours.
fn is_service_link(name: &str, value: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || (name.contains("_PORT") && (value.contains("://") || name.contains("_TCP")))
}

fn refuse_unknown(vars: &Vars) -> Read<()> {
    let ours = vars.0.iter().filter(|(name, _)| name.starts_with("TICKLER_"));
    let mut unknown: Vec<_> = ours
        .filter(|(name, value)| {
            !VARIABLES.contains(&name.as_str()) && !is_service_link(name, value)
        })
        .map(|(name, _)| name.as_str())
        .collect();
    unknown.sort_unstable();
    unknown.first().map_or(Ok(()), |name| wrong(name, "there is no such variable"))
}

fn bind(vars: &Vars, flags: &Flags) -> Read<SocketAddr> {
    if let Some(text) = &flags.bind {
        return parse::address(text).or_else(|why| wrong("--bind", why));
    }
    let default = SocketAddr::from(([127, 0, 0, 1], 8000));
    Ok(vars.read("TICKLER_BIND", parse::address)?.unwrap_or(default))
}

fn data(vars: &Vars, flags: &Flags) -> Read<PathBuf> {
    let given = flags.data.clone().or_else(|| vars.get("TICKLER_DATA_DIR").map(PathBuf::from));
    match given.or_else(|| parse::data_folder(|name| vars.get(name))) {
        Some(folder) => Ok(folder),
        None => wrong("TICKLER_DATA_DIR", "this account has no home folder; say where data goes"),
    }
}

fn zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| format!("{text:?} is no IANA zone such as Europe/Berlin"))
}

fn gate(text: &str) -> Result<u64, String> {
    let ms = text.parse().ok().filter(|ms| *ms <= GATE_MS_MAX);
    ms.ok_or_else(|| format!("{text:?} is no number of milliseconds up to {GATE_MS_MAX}"))
}

fn level(text: &str) -> Result<tracing::Level, String> {
    text.parse().map_err(|_| format!("{text:?} is none of error, warn, info, debug, trace"))
}

fn auth(vars: &Vars) -> Read<Auth> {
    let better = vars.read("BETTER_AUTH_URL", parse::url)?;
    let jwks = vars.read("TICKLER_JWKS", jwks)?;
    let jwt = Jwt {
        jwks: jwks
            .or_else(|| better.as_ref().map(|url| JwksSource::Url(format!("{url}/api/auth/jwks")))),
        secret: secret(vars)?,
        issuer: vars.get("TICKLER_JWT_ISSUER").or_else(|| better.clone()),
        audience: vars.get("TICKLER_JWT_AUDIENCE").or(better),
        algorithms: vars
            .list("TICKLER_JWT_ALGS", algorithm)?
            .unwrap_or_else(|| ALGORITHMS.map(str::to_owned).to_vec()),
        subject_claim: vars.get("TICKLER_JWT_SUBJECT_CLAIM").unwrap_or_else(|| "sub".to_owned()),
    };
    let given = JWT_SETTINGS.iter().find(|name| vars.get(name).is_some());
    match (vars.get("TICKLER_AUTH").as_deref(), given) {
        (Some("dev"), Some(name)) => {
            wrong("TICKLER_AUTH", format!("dev does not go together with {name}"))
        }
        (Some("dev"), None) | (None, None) => Ok(Auth::Dev),
        (Some("jwt") | None, _) if jwt.jwks.is_some() || jwt.secret.is_some() => {
            Ok(Auth::Jwt(Box::new(jwt)))
        }
        (Some("jwt") | None, _) => {
            wrong("TICKLER_JWKS", "tokens need TICKLER_JWKS or TICKLER_JWT_SECRET to be checked by")
        }
        (Some(other), _) => wrong("TICKLER_AUTH", format!("{other:?} is neither jwt nor dev")),
    }
}

/// Each of these means that tokens are wanted: dev mode is then no default.
const JWT_SETTINGS: &[&str] = &[
    "TICKLER_JWKS",
    "TICKLER_JWT_SECRET",
    "TICKLER_JWT_ISSUER",
    "TICKLER_JWT_AUDIENCE",
    "TICKLER_JWT_ALGS",
    "TICKLER_JWT_SUBJECT_CLAIM",
    "BETTER_AUTH_URL",
    "BETTER_AUTH_SECRET",
];

fn jwks(text: &str) -> Result<JwksSource, String> {
    if text.contains("://") && !text.starts_with("file://") {
        return parse::url(text).map(|_| JwksSource::Url(text.to_owned()));
    }
    Ok(JwksSource::File(PathBuf::from(text.strip_prefix("file://").unwrap_or(text))))
}

fn secret(vars: &Vars) -> Read<Option<String>> {
    for name in ["TICKLER_JWT_SECRET", "BETTER_AUTH_SECRET"] {
        match vars.get(name) {
            Some(secret) if secret.len() < SECRET_BYTES_MIN => {
                return wrong(name, format!("the secret needs at least {SECRET_BYTES_MIN} bytes"));
            }
            Some(secret) => return Ok(Some(secret)),
            None => {}
        }
    }
    Ok(None)
}

fn algorithm(text: &str) -> Result<String, String> {
    let known = ALGORITHMS.into_iter().find(|name| name.eq_ignore_ascii_case(text));
    known.map(str::to_owned).ok_or_else(|| format!("{text:?} is none of {}", ALGORITHMS.join(", ")))
}

fn outside(vars: &Vars) -> Read<Outside> {
    let network = |text: &str| {
        Network::parse(text).ok_or_else(|| format!("{text:?} is no network such as 10.0.0.0/8"))
    };
    let smtp = |text: &str| {
        let fine = ["smtp://", "smtps://"].iter().any(|scheme| text.starts_with(scheme));
        if fine { Ok(text.to_owned()) } else { Err("it begins with smtp:// or smtps://".into()) }
    };
    let sender = |text: &str| {
        let read: Result<lettre::message::Mailbox, _> = text.parse();
        read.map(|_| text.to_owned())
            .map_err(|_| format!("{text:?} is no address such as Tickler <t@example.org>"))
    };
    Ok(Outside {
        smtp_url: vars.read("TICKLER_SMTP_URL", smtp)?,
        mail_from: vars.read("TICKLER_MAIL_FROM", sender)?,
        chat_url: vars.read("TICKLER_CHAT_URL", parse::url)?,
        chat_model: vars.get("TICKLER_CHAT_MODEL"),
        chat_key: ["TICKLER_CHAT_KEY", "OPENAI_API_KEY", "GROQ_API_KEY"]
            .iter()
            .find_map(|name| vars.get(name)),
        allow: vars.list("TICKLER_OUTBOUND_ALLOW", network)?.unwrap_or_default(),
    })
}

fn dapr(vars: &Vars) -> Read<Dapr> {
    let topic = |text: &str| {
        let pair = text
            .split_once('=')
            .filter(|(name, whole)| TOPICS.contains(&name.trim()) && !whole.trim().is_empty());
        pair.map(|(name, whole)| (name.trim().to_owned(), whole.trim().to_owned())).ok_or_else(
            || format!("{text:?} is not name=topic with a name of {}", TOPICS.join(", ")),
        )
    };
    let declarative = |text: &str| match text {
        "programmatic" => Ok(false),
        "declarative" => Ok(true),
        _ => Err(format!("{text:?} is neither programmatic nor declarative")),
    };
    Ok(Dapr {
        pubsub: vars.get("DAPR_PUBSUB_NAME").unwrap_or_else(|| "pubsub-kafka".to_owned()),
        http_port: vars.port("DAPR_HTTP_PORT", 3500)?,
        grpc_port: vars.port("DAPR_GRPC_PORT", 50001)?,
        api_token: vars.get("DAPR_API_TOKEN"),
        brokers: vars.list("KAFKA_BROKERS", broker)?.unwrap_or_default(),
        app_token: vars.get("APP_API_TOKEN"),
        state_store: vars.get("TICKLER_STATE_STORE").unwrap_or_else(|| "statestore".to_owned()),
        secret_store: vars.get("TICKLER_SECRET_STORE"),
        topic_prefix: vars
            .0
            .get("TICKLER_TOPIC_PREFIX")
            .cloned()
            .unwrap_or_else(|| "todo.".to_owned()),
        topics: vars.list("TICKLER_TOPICS", topic)?.unwrap_or_default(),
        declarative: vars.read("TICKLER_SUBSCRIPTIONS", declarative)?.unwrap_or(false),
    })
}

fn broker(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    port.map(|_| text.to_owned()).ok_or_else(|| format!("{text:?} is not host:port"))
}

/// The topics by their plain names.
const TOPICS: [&str; 5] =
    ["task-events", "reminders", "task-recurrence", "task-updates", "task-audit"];
