//! The public keys that tokens are checked by: from a URL or a file, fetched anew when a token names an unknown one.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{
        RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use axum::http::Uri;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};

use super::Refused;
use crate::config::{JwksSource, Jwt, Network};

/// Unknown keys make us fetch at most this often.
const REFETCH_S: u64 = 30;
/// Keys are fetched anew after so long, so that one that was taken away ceases to open.
const STALE_S: u64 = 600;
/// Longest that a fetch may take.
const FETCH_MS: u64 = 3_000;
/// Largest JWKS, in bytes.
const JWKS_BYTES_MAX: usize = 256 << 10;
/// Most keys in a JWKS.
const KEYS_MAX: usize = 100;
/// Shortest RSA modulus, in bytes (2048 bits).
const RSA_BYTES_MIN: usize = 256;

/// The algorithms that we check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alg {
    /// HMAC with the shared secret.
    Hs256,
    /// Ed25519.
    EdDsa,
    /// P-256.
    Es256,
    /// RSA, PKCS #1 v1.5.
    Rs256,
    /// RSA, PSS.
    Ps256,
}

impl Alg {
    /// Reads `alg`, exactly as written.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "HS256" => Self::Hs256,
            "EdDSA" | "Ed25519" => Self::EdDsa,
            "ES256" => Self::Es256,
            "RS256" => Self::Rs256,
            "PS256" => Self::Ps256,
            _ => return None,
        })
    }

    fn algorithm(self) -> Algorithm {
        match self {
            Self::Hs256 => Algorithm::HS256,
            Self::EdDsa => Algorithm::EdDSA,
            Self::Es256 => Algorithm::ES256,
            Self::Rs256 => Algorithm::RS256,
            Self::Ps256 => Algorithm::PS256,
        }
    }
}

/// A key and the one algorithm that it is for.
#[derive(Clone)]
pub(crate) struct Key {
    kid: Option<String>,
    /// Its algorithm.
    pub(crate) alg: Alg,
    key: DecodingKey,
}

impl Key {
    /// The shared secret.
    pub(crate) fn secret(secret: &str) -> Self {
        Self { kid: None, alg: Alg::Hs256, key: DecodingKey::from_secret(secret.as_bytes()) }
    }

    /// Whether a signature is by this key.
    pub(crate) fn verifies(&self, signed: &str, signature: &str) -> bool {
        let algorithm = self.alg.algorithm();
        crypto::verify(signature, signed.as_bytes(), &self.key, algorithm).unwrap_or(false)
    }

    /// Reads a key of a JWKS; `None` for what is no signature key of a kind we check.
    fn read(jwk: &Value, allowed: &[Alg]) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let for_signatures = text("use").is_none_or(|usage| usage == "sig")
            && jwk
                .get("key_ops")
                .and_then(Value::as_array)
                .is_none_or(|ops| ops.iter().any(|op| op.as_str() == Some("verify")));
        if !for_signatures {
            return None;
        }
        let said = match jwk.get("alg") {
            None => None,
            Some(alg) => Some(Alg::parse(alg.as_str()?)?),
        };
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let (kinds, key): (&[Alg], _) = match (text("kty")?, text("crv")) {
            ("OKP", Some("Ed25519")) => {
                bytes("x").filter(|x| x.len() == 32)?;
                (&[Alg::EdDsa], DecodingKey::from_ed_components(text("x")?).ok()?)
            }
            ("EC", Some("P-256")) => {
                bytes("x").filter(|x| x.len() == 32)?;
                bytes("y").filter(|y| y.len() == 32)?;
                (&[Alg::Es256], DecodingKey::from_ec_components(text("x")?, text("y")?).ok()?)
            }
            ("RSA", _) => {
                bytes("n").filter(|n| n.len() >= RSA_BYTES_MIN)?;
                let key = DecodingKey::from_rsa_components(text("n")?, text("e")?).ok()?;
                (&[Alg::Rs256, Alg::Ps256], key)
            }
            _ => return None,
        };
        // A key that does not say its algorithm has the first that its kind is used with.
        let alg = match said {
            Some(said) => kinds.contains(&said).then_some(said)?,
            None => kinds.iter().copied().find(|kind| allowed.contains(kind))?,
        };
        let kid = text("kid").map(str::to_owned);
        allowed.contains(&alg).then_some(Self { kid, alg, key })
    }
}

/// Reads a JWKS; keys that we cannot use are left out.
pub(crate) fn read(jwks: &[u8], allowed: &[Alg]) -> anyhow::Result<Vec<Key>> {
    let jwks: Value = serde_json::from_slice(jwks).context("it is not JSON")?;
    let keys = jwks.get("keys").and_then(Value::as_array).context("it has no list of keys")?;
    Ok(keys.iter().take(KEYS_MAX).filter_map(|jwk| Key::read(jwk, allowed)).collect())
}

/// The keys of the configured source.
pub(crate) struct Keys {
    source: Source,
    allowed: Vec<Alg>,
    keys: RwLock<Vec<Key>>,
    generation: AtomicU64,
    fetched: Mutex<Fetched>,
}

#[derive(Default)]
struct Fetched {
    /// When keys came last.
    loaded: Option<Instant>,
    /// When we last asked because of an unknown key.
    refetched: Option<Instant>,
}

enum Source {
    None,
    File(PathBuf),
    Url { url: String, allow: Vec<Network> },
}

impl Keys {
    /// The keys of the configured source; nothing is fetched yet.
    pub(crate) fn new(jwt: &Jwt, allow: Vec<Network>) -> anyhow::Result<Self> {
        let source = match &jwt.jwks {
            None => Source::None,
            Some(JwksSource::File(path)) => Source::File(path.clone()),
            Some(JwksSource::Url(url)) => Source::Url { url: url.clone(), allow },
        };
        let allowed: Vec<Alg> = jwt.algorithms.iter().filter_map(|name| Alg::parse(name)).collect();
        let mut keys = Vec::new();
        if let Source::File(path) = &source {
            let file = std::fs::read(path)
                .with_context(|| format!("TICKLER_JWKS: cannot read {}", path.display()))?;
            keys = read(&file, &allowed).context("TICKLER_JWKS")?;
        }
        let fetched = Mutex::default();
        Ok(Self { source, allowed, keys: RwLock::new(keys), generation: 0.into(), fetched })
    }

    /// Rises whenever keys came.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The key of a `kid`; an unknown one makes us look again, not more often than every 30 s.
    pub(crate) async fn find(&self, kid: Option<&str>) -> Result<Option<Key>, Refused> {
        if matches!(self.source, Source::None) {
            return Ok(None);
        }
        let known = self.known(kid);
        let mut fetched = match (&known, self.fetched.try_lock()) {
            // Somebody else is looking already, and we have what we need.
            (Some(_), Err(_)) => return Ok(known),
            (_, Ok(fetched)) => fetched,
            (None, Err(_)) => self.fetched.lock().await,
        };
        let now = Instant::now();
        let age = |at: Option<Instant>| at.map(|at| now.duration_since(at).as_secs());
        let first = fetched.loaded.is_none();
        let stale = age(fetched.loaded).is_none_or(|age| age >= STALE_S);
        let known = self.known(kid);
        if known.is_some() && !stale {
            return Ok(known);
        }
        if !first && age(fetched.refetched).is_some_and(|age| age < REFETCH_S) {
            return Ok(known);
        }
        if !first {
            fetched.refetched = Some(now);
        }
        match self.fetch().await {
            Ok(keys) => {
                fetched.loaded = Some(now);
                *self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = keys;
                self.generation.fetch_add(1, Ordering::AcqRel);
                Ok(self.known(kid))
            }
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "cannot fetch the JWKS");
                if first && known.is_none() { Err(Refused::Unavailable) } else { Ok(known) }
            }
        }
    }

    fn known(&self, kid: Option<&str>) -> Option<Key> {
        let keys = self.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut named = keys.iter().filter(|key| key.kid.as_deref() == kid);
        let first = named.next()?;
        // Two keys of one name: which is meant cannot be known.
        named.next().is_none().then(|| first.clone())
    }

    async fn fetch(&self) -> anyhow::Result<Vec<Key>> {
        let bytes = match &self.source {
            Source::None => return Ok(Vec::new()),
            Source::File(path) => tokio::fs::read(path).await?,
            Source::Url { url, allow } => get(url, allow).await?,
        };
        read(&bytes, &self.allowed)
    }
}

/// Gets a JWKS. Over http only from loopback or an allowed network, whose address is then the one that is called.
async fn get(url: &str, allow: &[Network]) -> anyhow::Result<Vec<u8>> {
    let limit = Duration::from_millis(FETCH_MS);
    let mut client =
        reqwest::Client::builder().timeout(limit).redirect(reqwest::redirect::Policy::none());
    let uri: Uri = url.parse()?;
    if uri.scheme_str() == Some("http") {
        let host = uri.host().context("it names no host")?.trim_matches(['[', ']']);
        let port = uri.port_u16().unwrap_or(80);
        let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
        let fine = |ip: IpAddr| ip.is_loopback() || allow.iter().any(|network| network.holds(ip));
        anyhow::ensure!(
            !found.is_empty() && found.iter().all(|at| fine(at.ip())),
            "http is for loopback and TICKLER_OUTBOUND_ALLOW; use https"
        );
        client = client.no_proxy().resolve_to_addrs(host, &found);
    }
    let mut answer = client.build()?.get(url).send().await?.error_for_status()?;
    anyhow::ensure!(!answer.status().is_redirection(), "it redirects");
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        bytes.extend_from_slice(&chunk);
        anyhow::ensure!(bytes.len() <= JWKS_BYTES_MAX, "it is too large");
    }
    Ok(bytes)
}
