//! What can be seen from outside: one log line per request, metrics, log format.

mod json;

use std::{
    io::IsTerminal,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use actors::message::event::CloudEvent;
use axum::http::{HeaderMap, Method, StatusCode};
use chrono::{DateTime, Utc};
use metrics::{Counter, counter, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{
    EnvFilter, fmt, fmt::writer::BoxMakeWriter, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::{
    app::App,
    config::{Config, LogFormat},
    http::new_trace,
    patrol,
};

/// The target of the lines that say where the program is: shown at every log level.
pub(crate) const START: &str = "tickler::start";

/// Counters that are kept at hand, so that a request costs no look-up by text.
pub(crate) struct Metrics {
    handle: PrometheusHandle,
    requests: Mutex<Vec<(Method, &'static str, u16, Counter)>>,
}

impl Metrics {
    /// Installs the recorder of this process, once.
    pub(crate) fn install() -> Self {
        static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
        let handle = HANDLE.get_or_init(|| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("metrics go elsewhere: another recorder is installed");
            }
            name_all();
            handle
        });
        Self { handle: handle.clone(), requests: Mutex::default() }
    }

    /// The metrics as Prometheus reads them.
    pub(crate) fn render(&self) -> String {
        self.handle.render()
    }

    fn request(&self, method: &Method, route: &'static str, status: u16) {
        let mut known = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |entry: &&(Method, &'static str, u16, Counter)| {
            entry.2 == status && std::ptr::eq(entry.1, route) && entry.0 == *method
        };
        if let Some((.., counter)) = known.iter().find(same) {
            return counter.increment(1);
        }
        let labels = [
            ("method", method_name(method).to_owned()),
            ("route", route.to_owned()),
            ("status", status.to_string()),
        ];
        let counter = counter!("tickler_http_requests_total", &labels);
        counter.increment(1);
        if method_name(method) != "other" {
            known.push((method.clone(), route, status, counter));
        }
    }
}

/// Methods that callers make up are counted as one.
fn method_name(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    }
}

/// Names every metric that has not counted yet, so that a dashboard finds it at once.
fn name_all() {
    for topic in ["task-events", "reminders", "task-recurrence", "task-updates", "task-audit"] {
        counter!("tickler_events_published_total", "topic" => topic).increment(0);
        counter!("tickler_events_failed_total", "topic" => topic).increment(0);
        counter!("tickler_dlq_total", "topic" => topic).increment(0);
    }
    for actor in ["TaskListActor", "ReminderActor"] {
        counter!("tickler_commands_total", "actor" => actor, "outcome" => "done").increment(0);
        let _ = histogram!("tickler_turn_seconds", "actor" => actor);
    }
    for actor in ["ReminderActor", "RecurrenceActor"] {
        counter!(patrol::FOUND, "actor" => actor).increment(0);
    }
    gauge!("tickler_outbox_pending").increment(0.0);
    gauge!("tickler_feed_lag_seconds", "consumer" => "views").increment(0.0);
    let _ = histogram!("tickler_reminder_lateness_seconds");
}

/// Records how long after its time a reminder fired.
pub(crate) fn reminder_lateness(event: &CloudEvent) {
    let at = |text: Option<&str>| text.and_then(|text| text.parse::<DateTime<Utc>>().ok());
    let fired = at(event.time.as_deref());
    let due = at(event.data.get("remind_at").and_then(|at| at.as_str()));
    if let (Some(fired), Some(due)) = (fired, due) {
        let late_ms = (fired - due).num_milliseconds().max(0);
        histogram!("tickler_reminder_lateness_seconds").record(late_ms as f64 / 1_000.0);
    }
}

/// Counts and logs a request that was answered. Never a title, a token or a query.
pub(crate) fn request(
    app: &App,
    method: &Method,
    route: &'static str,
    status: StatusCode,
    took: Duration,
    traceparent: &str,
) {
    app.metrics.request(method, route, status.as_u16());
    let ms = took.as_micros() as f64 / 1000.0;
    let trace_id = traceparent.get(3..35).unwrap_or_default();
    let method = method_name(method);
    tracing::info!(method, route, status = status.as_u16(), ms, trace_id, "request");
}

/// The trace context of a request, given or made.
pub(crate) fn traceparent(headers: &HeaderMap) -> String {
    let given = headers.get("traceparent").and_then(|value| value.to_str().ok());
    given.filter(|given| is_traceparent(given)).map_or_else(new_trace, str::to_owned)
}

/// `00-<32 hex>-<16 hex>-<2 hex>`, ids not all zero (W3C Trace Context).
fn is_traceparent(text: &str) -> bool {
    let bytes = text.as_bytes();
    let hex = |range: std::ops::Range<usize>| {
        let part = &bytes[range];
        part.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let zero = |range: std::ops::Range<usize>| bytes[range].iter().all(|b| *b == b'0');
    bytes.len() == 55
        && bytes[2] == b'-'
        && bytes[35] == b'-'
        && bytes[52] == b'-'
        && text.starts_with("00")
        && hex(3..35)
        && hex(36..52)
        && hex(53..55)
        && !zero(3..35)
        && !zero(36..52)
}

/// Starts logging to stdout.
pub fn start_log(config: &Config) {
    start(config, BoxMakeWriter::new(std::io::stdout), std::io::stdout().is_terminal());
}

/// Starts logging to stderr, where stdout is for messages.
pub(crate) fn start_log_on_stderr(config: &Config) {
    start(config, BoxMakeWriter::new(std::io::stderr), std::io::stderr().is_terminal());
}

fn start(config: &Config, to: BoxMakeWriter, ansi: bool) {
    // The SDK says every request of an actor at info, in our name.
    let sdk = "actors::dapr::hosted=warn";
    let ours = format!("warn,gateway={0},actors={0},{START}=info,{sdk}", config.log_level);
    let filter = EnvFilter::new(ours);
    let registry = tracing_subscriber::registry().with(filter);
    let started = match config.log_format {
        LogFormat::Text => registry
            .with(fmt::layer().with_target(false).with_ansi(ansi).with_writer(to))
            .try_init(),
        LogFormat::Json => {
            registry.with(fmt::layer().event_format(json::Lines).with_writer(to)).try_init()
        }
    };
    if started.is_err() {
        tracing::debug!("the log goes where it went before");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_trace_context_is_taken_over() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_traceparent(good));
        assert!(is_traceparent(&new_trace()));
        for bad in [
            "",
            "00",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert!(!is_traceparent(bad), "{bad}");
        }
    }
}
