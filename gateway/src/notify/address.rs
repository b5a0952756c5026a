//! Which addresses we may call: none that a user could use to reach what only we can reach.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use reqwest::Url;

use crate::config::Network;

/// Longest URL, in characters.
const URL_CHARS_MAX: usize = 2_000;

/// Judges addresses by what the configuration allows.
#[derive(Clone)]
pub(crate) struct Guard {
    allow: Arc<[Network]>,
}

/// Why a URL is not called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is no URL.
    Unreadable,
    /// It leads where we do not go.
    Forbidden(&'static str),
}

/// Which addresses a connection may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The world, and the networks that are allowed besides.
    World,
    /// The networks that are allowed besides: plain http goes nowhere else.
    Allowed,
}

impl Guard {
    /// With these networks besides the world.
    pub(crate) fn new(allow: &[Network]) -> Self {
        Self { allow: allow.into() }
    }

    /// Whether a connection may go to an address.
    pub(crate) fn admits(&self, address: IpAddr, reach: Reach) -> bool {
        let allowed = |ip: IpAddr| self.allow.iter().any(|network| network.holds(ip));
        allowed(address)
            || allowed(address.to_canonical())
            || (reach == Reach::World && is_global(address))
    }

    /// Reads a URL and judges its scheme, and its host where that is an address; names are judged when they are resolved.
    pub(crate) fn judge(&self, text: &str) -> Result<(Url, Reach), Refused> {
        if text.chars().count() > URL_CHARS_MAX {
            return Err(Refused::Unreadable);
        }
        let url = Url::parse(text).map_err(|_| Refused::Unreadable)?;
        let reach = match url.scheme() {
            "https" => Reach::World,
            "http" if self.allow.is_empty() => return Err(Refused::Forbidden(HTTPS)),
            "http" => Reach::Allowed,
            _ => return Err(Refused::Forbidden(HTTPS)),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Forbidden("The URL must not hold a name or password."));
        }
        let host = url.host_str().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        let plain = host.trim_end_matches('.');
        let here = plain.eq_ignore_ascii_case("localhost") || plain.ends_with(".localhost");
        let address = literal.or_else(|| here.then_some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        match address {
            Some(address) if !self.admits(address, reach) => Err(Refused::Forbidden(PUBLIC)),
            _ => Ok((url, reach)),
        }
    }
}

const HTTPS: &str =
    "The URL begins with https://; http:// is for networks of TICKLER_OUTBOUND_ALLOW.";
const PUBLIC: &str =
    "The URL must lead to a public address; others are for networks of TICKLER_OUTBOUND_ALLOW.";

/// Whether an address is globally routable, and so is each IPv4 address that it maps, translates or tunnels.
pub(crate) fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_global_v4(v4),
        IpAddr::V6(v6) => match embedded(v6) {
            Some(inner) => inner.into_iter().flatten().all(is_global_v4),
            None => is_global_v6(v6),
        },
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
            | [224..=255, ..]
    )
}

/// What of the world's IPv6 space is not for a purpose of its own.
fn is_global_v6(address: Ipv6Addr) -> bool {
    let s = address.segments();
    let special = (s[0] == 0x2001 && (s[1] < 0x200 || s[1] == 0xdb8))
        || (s[0] == 0x2620 && s[1] == 0x4f && s[2] == 0x8000)
        || (s[0] == 0x3fff && s[1] < 0x1000);
    (s[0] & 0xe000) == 0x2000 && !special
}

/// The IPv4 addresses that an IPv6 address stands for; `None` where it stands for itself.
fn embedded(address: Ipv6Addr) -> Option<[Option<Ipv4Addr>; 2]> {
    let s = address.segments();
    let v4 = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match s {
        // Compatible, mapped, translated (SIIT), NAT64; `::` and `::1` are of the first kind.
        [0, 0, 0, 0, 0, 0 | 0xffff, a, b]
        | [0, 0, 0, 0, 0xffff, 0, a, b]
        | [0x64, 0xff9b, 0, 0, 0, 0, a, b] => Some([v4(a, b), None]),
        // 6to4.
        [0x2002, a, b, ..] => Some([v4(a, b), None]),
        // Teredo: the server, and the client's address with every bit turned.
        [0x2001, 0, c, d, _, _, a, b] => Some([v4(!a, !b), v4(c, d)]),
        // ISATAP.
        [_, _, _, _, 0 | 0x200, 0x5efe, a, b] if is_global_v6(address) => Some([v4(a, b), None]),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
