//! One call of one URL: signed, bounded, to an address that was judged when it was connected to.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
    redirect,
};
use thiserror::Error;
use tokio::time::Instant;

use super::{
    address::{Guard, Reach, Refused},
    sign,
};
use crate::app::wall_clock;

/// Longest that a receiver may take.
pub(crate) const ANSWER_MS: u64 = 15_000;
/// Longest that a receiver may take at a test, whose caller waits.
pub(crate) const TEST_MS: u64 = 4_000;

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Try {
    /// What follows.
    pub(crate) verdict: Verdict,
    /// The HTTP status, where there was one.
    pub(crate) response_status: Option<u16>,
    /// How long it took.
    pub(crate) duration_ms: i64,
    /// What went wrong.
    pub(crate) error: Option<String>,
}

/// What follows from a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It arrived.
    Delivered,
    /// Again later.
    Later,
    /// Never again.
    Never,
    /// The endpoint wants nothing any more.
    Gone,
}

impl Try {
    /// A try that was none.
    pub(super) fn never(why: &str) -> Self {
        let error = Some(why.to_owned());
        Self { verdict: Verdict::Never, response_status: None, duration_ms: 0, error }
    }
}

/// Calls URLs.
pub(super) struct Sender {
    guard: Guard,
    world: Client,
    allowed: Client,
}

impl Sender {
    /// With what is allowed.
    pub(super) fn new(guard: Guard) -> reqwest::Result<Self> {
        let client = |reach| {
            Client::builder()
                .no_proxy()
                .redirect(redirect::Policy::none())
                .pool_max_idle_per_host(0)
                .user_agent(concat!("tickler/", env!("CARGO_PKG_VERSION")))
                .dns_resolver(Arc::new(Judged { guard: guard.clone(), reach }))
                .build()
        };
        let (world, allowed) = (client(Reach::World)?, client(Reach::Allowed)?);
        Ok(Self { guard, world, allowed })
    }

    /// Who judges addresses.
    pub(super) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Posts a body under an id.
    pub(super) async fn post(
        &self,
        url: &str,
        secrets: &[&str],
        (id, body): (&str, &str),
        within: Duration,
    ) -> Try {
        let (url, reach) = match self.guard.judge(url) {
            Ok(judged) => judged,
            Err(Refused::Unreadable) => return Try::later("the URL cannot be read", 0),
            Err(Refused::Forbidden(_)) => return Try::later(FORBIDDEN, 0),
        };
        let client = if reach == Reach::World { &self.world } else { &self.allowed };
        let headers = headers(secrets, id, wall_clock().0.div_euclid(1_000), body);
        let began = Instant::now();
        let sent =
            client.post(url).headers(headers).timeout(within).body(body.to_owned()).send().await;
        let took = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        match sent {
            Ok(answer) => Try::answered(answer.status().as_u16(), took),
            Err(error) => Try::later(&reason(&error, within), took),
        }
    }
}

impl Try {
    fn later(why: &str, duration_ms: i64) -> Self {
        let error = Some(why.to_owned());
        Self { verdict: Verdict::Later, response_status: None, duration_ms, error }
    }

    fn answered(status: u16, duration_ms: i64) -> Self {
        let (verdict, error) = match status {
            200..=299 => (Verdict::Delivered, None),
            300..=399 => (Verdict::Later, Some("redirects are not followed".to_owned())),
            410 => (Verdict::Gone, Some("the receiver answered 410 Gone".to_owned())),
            _ => (Verdict::Later, Some(format!("the receiver answered {status}"))),
        };
        Self { verdict, response_status: Some(status), duration_ms, error }
    }
}

const FORBIDDEN: &str = "the address is not allowed";

fn headers(secrets: &[&str], id: &str, seconds: i64, body: &str) -> HeaderMap {
    let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("webhook-id", value(id));
    headers.insert("webhook-timestamp", HeaderValue::from(seconds));
    headers.insert("webhook-signature", value(&sign::signature(secrets, id, seconds, body)));
    headers
}

/// Why a call failed, without the URL, which may hold a secret.
fn reason(error: &reqwest::Error, within: Duration) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", within.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if cause.is::<Forbidden>() {
        return FORBIDDEN.to_owned();
    }
    let what = if error.is_connect() { "cannot connect" } else { "the connection broke" };
    let cause: String = cause.to_string().chars().take(200).collect();
    format!("{what}: {cause}")
}

/// Resolves names for one connection, which goes to no other address than those judged here.
struct Judged {
    guard: Guard,
    reach: Reach,
}

/// A name leads where we do not go.
#[derive(Debug, Error)]
#[error("the address is not allowed")]
struct Forbidden;

impl Resolve for Judged {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, reach) = (self.guard.clone(), self.reach);
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.is_empty() || !found.iter().all(|at| guard.admits(at.ip(), reach)) {
                return Err(Forbidden.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Network;

    #[tokio::test]
    async fn a_name_that_leads_home_is_not_connected_to() {
        let nothing = Guard::new(&[]);
        let home =
            Guard::new(&[Network::parse("127.0.0.0/8").unwrap(), Network::parse("::1").unwrap()]);
        for (guard, reach, fine) in [
            (nothing.clone(), Reach::World, false),
            (nothing, Reach::Allowed, false),
            (home.clone(), Reach::World, true),
            (home, Reach::Allowed, true),
        ] {
            let found = Judged { guard, reach }.resolve("localhost".parse().unwrap()).await;
            assert_eq!(found.is_ok(), fine);
        }
    }

    #[tokio::test]
    async fn what_is_refused_is_said_without_the_url() {
        let sender = Sender::new(Guard::new(&[])).unwrap();
        for url in ["https://127.0.0.1:1/secret", "http://example.com/secret", "secret"] {
            let tried =
                sender.post(url, &["sixteen letters!"], ("id", "{}"), Duration::from_secs(1)).await;
            assert_eq!(tried.verdict, Verdict::Later, "{url}");
            assert!(!tried.error.unwrap().contains("secret"));
        }
    }
}
