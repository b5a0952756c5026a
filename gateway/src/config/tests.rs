//! What stops the start, and by which name; what is taken when nothing is said.

use std::path::PathBuf;

use super::{Auth, Config, Flags, JwksSource, LogFormat, Network, Rate, Role, Runtime};

const SECRET: &str = "an HS256 secret of thirty-two bytes or more";

fn read(vars: &[(&str, &str)], flags: &Flags) -> Result<Config, String> {
    let home = [("HOME", "/home/ana")];
    let vars = home.iter().chain(vars).map(|(name, value)| ((*name).into(), (*value).into()));
    Config::read(vars, flags).map_err(|wrong| wrong.to_string())
}

fn good(vars: &[(&str, &str)]) -> Config {
    read(vars, &Flags::default()).unwrap_or_else(|wrong| panic!("{wrong}"))
}

#[test]
fn nothing_need_be_said() {
    let config = good(&[]);
    assert_eq!(config.bind.to_string(), "127.0.0.1:8000");
    assert_eq!((config.runtime, config.role), (Runtime::Embedded, Role::All));
    assert!(config.is_dev());
    assert_eq!(config.rate, Some(Rate { requests: 1000, window_s: 10 }));
    assert_eq!((config.gate_ms, config.log_format), (20, LogFormat::Text));
    assert_eq!(config.zone, chrono_tz::Tz::UTC);
    assert_eq!(config.dapr.topic_prefix, "todo.");
    assert!(config.live_query_token && !config.test_clock);
    #[cfg(target_os = "linux")]
    assert_eq!(config.data, PathBuf::from("/home/ana/.local/share/tickler"));
}

#[test]
fn what_is_wrong_is_named_in_one_line() {
    for (vars, name) in [
        (&[("TICKLER_BINDS", "x")][..], "TICKLER_BINDS"),
        (&[("TICKLER_PORT", "8000")], "TICKLER_PORT"),
        (&[("KAFKA_BROKERS", "kafka:9092,kafka")], "KAFKA_BROKERS"),
        (&[("TICKLER_BIND", "8000")], "TICKLER_BIND"),
        (&[("TICKLER_BIND", "localhost")], "TICKLER_BIND"),
        (&[("TICKLER_RUNTIME", "cloud")], "TICKLER_RUNTIME"),
        (&[("TICKLER_ROLE", "gateway")], "TICKLER_ROLE"),
        (&[("TICKLER_ROLE", "boss")], "TICKLER_ROLE"),
        (&[("TICKLER_ZONE", "Mars/Base")], "TICKLER_ZONE"),
        (&[("TICKLER_RATE_USER", "many")], "TICKLER_RATE_USER"),
        (&[("TICKLER_RATE_USER", "10/0")], "TICKLER_RATE_USER"),
        (&[("TICKLER_RATE_USER", "0/10")], "TICKLER_RATE_USER"),
        (&[("DATABASE_URL", "zz")], "DATABASE_URL"),
        (&[("DATABASE_URL", "mysql://x")], "DATABASE_URL"),
        (&[("DATABASE_URL", "postgres://u:hush@127.0.0.1:port/x")], "DATABASE_URL"),
        (&[("TICKLER_GATE_MS", "-1")], "TICKLER_GATE_MS"),
        (&[("TICKLER_GATE_MS", "60000")], "TICKLER_GATE_MS"),
        (&[("TICKLER_LOG_FORMAT", "xml")], "TICKLER_LOG_FORMAT"),
        (&[("TICKLER_LOG_LEVEL", "loud")], "TICKLER_LOG_LEVEL"),
        (&[("TICKLER_PUBLIC_URL", "todo.example")], "TICKLER_PUBLIC_URL"),
        (&[("TICKLER_ALLOWED_ORIGINS", "*")], "TICKLER_ALLOWED_ORIGINS"),
        (&[("TICKLER_ALLOWED_ORIGINS", "https://*.example")], "TICKLER_ALLOWED_ORIGINS"),
        (&[("TICKLER_ALLOWED_ORIGINS", "todo.example")], "TICKLER_ALLOWED_ORIGINS"),
        (&[("CORS_ORIGINS", "*")], "CORS_ORIGINS"),
        (&[("TICKLER_OUTBOUND_ALLOW", "10.0.0.0/33")], "TICKLER_OUTBOUND_ALLOW"),
        (&[("TICKLER_OUTBOUND_ALLOW", "internal")], "TICKLER_OUTBOUND_ALLOW"),
        (&[("TICKLER_LIVE_QUERY_TOKEN", "maybe")], "TICKLER_LIVE_QUERY_TOKEN"),
        (&[("TICKLER_SIDECAR_BIND", "0.0.0.0:8000")], "TICKLER_SIDECAR_BIND"),
        (&[("TICKLER_SUBSCRIPTIONS", "some")], "TICKLER_SUBSCRIPTIONS"),
        (&[("TICKLER_TOPICS", "reminder=x")], "TICKLER_TOPICS"),
        (&[("TICKLER_TEST_CLOCK", "soon")], "TICKLER_TEST_CLOCK"),
        (&[("TICKLER_TEST_CLOCK", "1"), ("TICKLER_RUNTIME", "dapr")], "TICKLER_TEST_CLOCK"),
        (&[("TICKLER_SMTP_URL", "mail.example")], "TICKLER_SMTP_URL"),
        (&[("TICKLER_SMTP_URL", "smtp://mail.example")], "TICKLER_MAIL_FROM"),
        (&[("TICKLER_MAIL_FROM", "zz")], "TICKLER_MAIL_FROM"),
        (&[("DAPR_HTTP_PORT", "70000")], "DAPR_HTTP_PORT"),
        (&[("TICKLER_AUTH", "none")], "TICKLER_AUTH"),
        (&[("TICKLER_AUTH", "jwt")], "TICKLER_JWKS"),
        (&[("TICKLER_JWT_ISSUER", "x")], "TICKLER_JWKS"),
        (&[("TICKLER_JWT_SECRET", "short")], "TICKLER_JWT_SECRET"),
        (&[("BETTER_AUTH_SECRET", "short")], "BETTER_AUTH_SECRET"),
        (&[("BETTER_AUTH_URL", "id.example")], "BETTER_AUTH_URL"),
        (&[("TICKLER_JWT_SECRET", SECRET), ("TICKLER_JWT_ALGS", "none")], "TICKLER_JWT_ALGS"),
        (&[("TICKLER_JWT_SECRET", SECRET), ("TICKLER_AUTH", "dev")], "TICKLER_AUTH"),
        (&[("TICKLER_AUTH", "dev"), ("BETTER_AUTH_URL", "http://x")], "TICKLER_AUTH"),
        (&[("TICKLER_BIND", "0.0.0.0:8000")], "TICKLER_AUTH"),
        (&[("TICKLER_AUTH", "dev"), ("TICKLER_BIND", "192.168.1.4:80")], "TICKLER_AUTH"),
    ] {
        let wrong = read(vars, &Flags::default()).err().unwrap_or_default();
        assert!(wrong.starts_with(&format!("{name}: ")), "{vars:?}: {wrong:?}");
        assert!(!wrong.contains('\n'), "{wrong}");
        assert!(!wrong.contains("short\""), "a secret is not shown: {wrong}");
    }
}

#[test]
fn a_service_of_kubernetes_with_our_name_is_not_ours() {
    good(&[
        ("TICKLER_SERVICE_HOST", "10.0.0.1"),
        ("TICKLER_SERVICE_PORT_HTTP", "8000"),
        ("TICKLER_PORT", "tcp://10.0.0.1:8000"),
        ("TICKLER_PORT_8000_TCP_ADDR", "10.0.0.1"),
    ]);
}

#[test]
fn flags_win_over_variables() {
    let flags = Flags {
        bind: Some("localhost:0".to_owned()),
        data: Some("here".into()),
        log_format: Some(LogFormat::Json),
        ..Flags::default()
    };
    let vars = [("TICKLER_BIND", "nonsense"), ("TICKLER_DATA_DIR", "there")];
    let config = read(&vars, &flags).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!(config.bind.to_string(), "127.0.0.1:0");
    assert_eq!(config.data, PathBuf::from("here"));
    assert_eq!(config.log_format, LogFormat::Json);
    let wrong = Flags { bind: Some("x".to_owned()), ..Flags::default() };
    assert!(read(&[], &wrong).is_err_and(|wrong| wrong.starts_with("--bind: ")));
}

#[test]
fn other_systems_variables_are_read_as_ours() {
    let config = good(&[
        ("BETTER_AUTH_URL", "https://id.example/"),
        ("CORS_ORIGINS", "[\"http://localhost:3000\", \"https://App.example/\"]"),
        ("GROQ_API_KEY", "k"),
        ("TICKLER_BIND", "0.0.0.0:8000"),
        ("TICKLER_JWT_AUDIENCE", "mine"),
    ]);
    let Auth::Jwt(jwt) = &config.auth else { panic!("jwt") };
    let url = "https://id.example/api/auth/jwks".to_owned();
    assert!(jwt.jwks == Some(JwksSource::Url(url)));
    assert_eq!(jwt.issuer.as_deref(), Some("https://id.example"));
    assert_eq!(jwt.audience.as_deref(), Some("mine"));
    let origins = ["http://localhost:3000", "https://app.example"].map(str::to_owned);
    assert_eq!(config.origins, Some(origins.to_vec()));
    assert_eq!(config.outside.chat_key.as_deref(), Some("k"));
    let both = good(&[
        ("TICKLER_JWKS", "/etc/keys.json"),
        ("BETTER_AUTH_URL", "https://id.example"),
        ("TICKLER_ALLOWED_ORIGINS", "https://a.example"),
        ("CORS_ORIGINS", "https://b.example"),
    ]);
    let Auth::Jwt(jwt) = &both.auth else { panic!("jwt") };
    assert!(jwt.jwks == Some(JwksSource::File("/etc/keys.json".into())));
    assert_eq!(both.origins, Some(vec!["https://a.example".to_owned()]));
}

#[test]
fn an_empty_prefix_is_said_and_other_empty_variables_are_absent() {
    assert_eq!(good(&[("TICKLER_TOPIC_PREFIX", "")]).dapr.topic_prefix, "");
    assert!(good(&[("TICKLER_JWKS", ""), ("TICKLER_AUTH", "")]).is_dev());
    assert_eq!(good(&[("TICKLER_RATE_USER", "0")]).rate, None);
    let topics = good(&[("TICKLER_TOPICS", "reminders=task-reminders, task-events=e")]);
    assert_eq!(topics.dapr.topics.len(), 2);
}

#[test]
fn networks_hold_what_lies_in_them() {
    for (network, address, holds) in [
        ("10.0.0.0/8", "10.255.0.1", true),
        ("10.0.0.0/8", "11.0.0.1", false),
        ("192.168.1.7", "192.168.1.7", true),
        ("192.168.1.7", "192.168.1.8", false),
        ("0.0.0.0/0", "8.8.8.8", true),
        ("0.0.0.0/0", "::1", false),
        ("fd00::/8", "fd12::1", true),
        ("::/0", "fd12::1", true),
        ("::1/128", "::2", false),
    ] {
        let read = Network::parse(network).expect("a network");
        assert_eq!(read.holds(address.parse().expect("an address")), holds, "{network} {address}");
    }
}
