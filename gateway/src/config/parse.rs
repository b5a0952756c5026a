//! How single values are read.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use super::Rate;

/// A network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads `10.0.0.0/8`, `fd00::/8`, or one address.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.trim().parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.trim().parse().ok())?;
        (bits <= most).then_some(Self { address, bits })
    }

    /// Whether an address lies in it.
    pub fn holds(self, address: IpAddr) -> bool {
        let wide = |ip: IpAddr| match ip {
            IpAddr::V4(v4) => u128::from(u32::from(v4)) << 96,
            IpAddr::V6(v6) => u128::from(v6),
        };
        let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
        self.address.is_ipv4() == address.is_ipv4()
            && wide(self.address) & mask == wide(address) & mask
    }
}

/// `127.0.0.1:8000`, `[::1]:8000`, `localhost:8000`.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let wrong = || format!("{text:?} is not an address such as 127.0.0.1:8000");
    if let Some(port) = text.strip_prefix("localhost:") {
        let port = port.parse().map_err(|_| wrong())?;
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    text.parse().map_err(|_| wrong())
}

/// `1000/10`, or 0 for none.
pub(super) fn rate(text: &str) -> Result<Option<Rate>, String> {
    if text == "0" {
        return Ok(None);
    }
    text.split_once('/')
        .and_then(|(requests, window)| {
            let requests = requests.parse().ok().filter(|n| *n > 0)?;
            let window_s = window.parse().ok().filter(|s| (1..=3600).contains(s))?;
            Some(Some(Rate { requests, window_s }))
        })
        .ok_or_else(|| format!("{text:?} is not requests/seconds such as 1000/10, nor 0"))
}

/// A comma-separated list; also a JSON array of texts, as other systems of this family write it.
pub(super) fn list(text: &str) -> Vec<String> {
    let plain = text.trim().trim_start_matches('[').trim_end_matches(']');
    let trimmed = plain.split(',').map(|item| item.trim().trim_matches('"').trim());
    trimmed.filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// `https://todo.example` or with a port: scheme and authority, in lower case, nothing after.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let wrong = || format!("{text:?} is not an origin such as https://todo.example (never *)");
    let plain = text.trim_end_matches('/').to_ascii_lowercase();
    let (scheme, rest) = plain.split_once("://").ok_or_else(wrong)?;
    let fine = matches!(scheme, "http" | "https")
        && !rest.is_empty()
        && !rest.contains(['/', '*', '?', '#', '@', ' ']);
    if fine { Ok(plain) } else { Err(wrong()) }
}

/// An http(s) URL, without a slash at the end.
pub(super) fn url(text: &str) -> Result<String, String> {
    let uri: Option<axum::http::Uri> = text.parse().ok();
    let fine = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    });
    if fine {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(format!("{text:?} is not a URL such as https://todo.example"))
    }
}

/// A URL of PostgreSQL; what is wrong with one is not repeated, for there may be a password in it.
pub(super) fn database(text: &str) -> Result<String, String> {
    let of_postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
    match text.parse::<sqlx::postgres::PgConnectOptions>() {
        Ok(_) if of_postgres => Ok(text.to_owned()),
        _ => Err("this is no URL such as postgres://user:password@host:5432/database".to_owned()),
    }
}

/// The platform's folder for a program's data, with our name.
pub(super) fn data_folder(var: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let home = || var("HOME").map(PathBuf::from);
    let base = if cfg!(windows) {
        var("LOCALAPPDATA").or_else(|| var("APPDATA")).map(PathBuf::from)
    } else if cfg!(target_os = "macos") {
        home().map(|home| home.join("Library/Application Support"))
    } else {
        let absolute = var("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        absolute.or_else(|| home().map(|home| home.join(".local/share")))
    };
    base.map(|base| base.join("tickler"))
}
