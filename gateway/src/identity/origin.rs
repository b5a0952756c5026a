//! Which hosts we answer under, and which origins may call us from a browser.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::HeaderValue;

use crate::config::Config;

/// The allow-lists.
#[derive(Clone, Debug)]
pub(crate) struct Origins {
    hosts: Vec<String>,
    origins: Vec<String>,
    /// Nothing was said: origins on loopback are allowed too.
    loopback_origins: bool,
    /// Hosts were named, or we are in dev mode: another `Host` is refused.
    pub(crate) checks_hosts: bool,
}

impl Origins {
    /// The allow-lists of a configuration.
    pub(crate) fn new(config: &Config) -> Self {
        let public = config.public_url.as_deref();
        let public_origin = public.map(origin_of);
        let mut hosts = config.hosts.clone().unwrap_or_default();
        hosts.extend(public_origin.as_deref().map(|origin| authority(origin).to_owned()));
        let mut origins = config.origins.clone().unwrap_or_default();
        origins.extend(public_origin);
        Self {
            hosts,
            origins,
            loopback_origins: config.origins.is_none(),
            checks_hosts: config.is_dev() || config.hosts.is_some(),
        }
    }

    /// Whether we answer under a `Host`: loopback and those named, a name without a port at any port.
    pub(crate) fn allows_host(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let name = name_of(&host);
        is_loopback(name) || self.hosts.iter().any(|known| *known == host || known == name)
    }

    /// Whether an `Origin` header may call.
    pub(crate) fn allows(&self, origin: &HeaderValue) -> bool {
        origin.to_str().is_ok_and(|origin| self.allows_origin(origin))
    }

    /// Whether an origin may call.
    pub(crate) fn allows_origin(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        if self.origins.contains(&origin) {
            return true;
        }
        self.loopback_origins
            && matches!(scheme, "http" | "https")
            && is_loopback(name_of(authority))
    }
}

/// Scheme and authority of a URL, in lower case.
fn origin_of(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    format!("{scheme}://{authority}").to_ascii_lowercase()
}

fn authority(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, authority)| authority)
}

/// The name of `name:port`, of `[::1]:port`, of either alone.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inner, port)) if port.is_empty() || is_port(port) => inner,
        Some(_) => "",
        None => match host.split_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            Some(_) => "",
            None => host,
        },
    }
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_loopback(name: &str) -> bool {
    name == "localhost"
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        || name.parse::<Ipv6Addr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_and_named_hosts_are_ours() {
        let origins = Origins {
            hosts: vec!["todo.example".to_owned(), "api.example:8443".to_owned()],
            origins: vec!["https://app.example".to_owned()],
            loopback_origins: true,
            checks_hosts: true,
        };
        for (host, ours) in [
            ("127.0.0.1:8000", true),
            ("127.9.9.9", true),
            ("localhost", true),
            ("LOCALHOST:1", true),
            ("[::1]:8000", true),
            ("[::1]", true),
            ("todo.example", true),
            ("todo.example:9000", true),
            ("api.example:8443", true),
            ("api.example", false),
            ("api.example:80", false),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("127.0.0.1:8000@evil.example", false),
            ("[::1]evil.example", false),
            ("10.0.0.1", false),
            ("", false),
        ] {
            assert_eq!(origins.allows_host(host), ours, "{host}");
        }
        for (origin, allowed) in [
            ("https://app.example", true),
            ("https://APP.example", true),
            ("http://app.example", false),
            ("https://app.example:444", false),
            ("http://localhost:3000", true),
            ("http://127.0.0.1", true),
            ("null", false),
            ("*", false),
            ("file://localhost", false),
            ("http://localhost.evil.example", false),
        ] {
            assert_eq!(origins.allows_origin(origin), allowed, "{origin}");
        }
    }
}
