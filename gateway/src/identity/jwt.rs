//! JSON Web Tokens: every doubt is a refusal, and nothing in a token chooses how it is checked but `kid`.

use std::sync::Arc;

use actors::message::{key::UserId, time::Timestamp};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    Caller, Refused,
    jwks::{Alg, Key, Keys},
    scope::Scopes,
};
use crate::{
    app::wall_clock,
    config::{Config, Jwt},
    recent::Recent,
};

/// By how much clocks may differ.
const LEEWAY_S: f64 = 30.0;
/// Verified tokens that are remembered at least, so that a signature is checked once and not at every request.
const VERIFIED_MIN: usize = 16_384;
/// How long a verified token is remembered: as long may a key that was taken away still open.
const VERIFIED_S: f64 = 60.0;
/// Latest `exp` that is taken at its word, in seconds since 1970 (the year 9999).
const EXP_MAX_S: f64 = 253_402_300_799.0;

/// Checks tokens.
pub(crate) struct Verifier {
    keys: Keys,
    secret: Option<Key>,
    issuer: Option<String>,
    audience: Option<String>,
    mcp_audience: Option<String>,
    subject_claim: String,
    verified: Recent<[u8; 32], Option<Verified>>,
}

#[derive(Clone)]
struct Verified {
    caller: Arc<Caller>,
    /// Seconds since 1970: until when it need not be checked again.
    until: f64,
    generation: u64,
    mcp_only: bool,
}

/// A token's parts, decoded but not believed.
struct Parts<'a> {
    signed: &'a str,
    signature: &'a str,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl Verifier {
    /// Checks tokens as configured.
    pub(crate) fn new(jwt: &Jwt, config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            keys: Keys::new(jwt, config.outside.allow.clone())?,
            secret: jwt.secret.as_deref().map(Key::secret),
            issuer: jwt.issuer.clone(),
            audience: jwt.audience.clone(),
            mcp_audience: config.public_url.as_ref().map(|url| format!("{url}/mcp")),
            subject_claim: jwt.subject_claim.clone(),
            verified: Recent::new(VERIFIED_MIN),
        })
    }

    /// The caller that a token stands for.
    pub(crate) async fn verify(&self, token: &str) -> Result<Arc<Caller>, Refused> {
        self.verify_for(token, false).await
    }

    /// The same on `/mcp`, where the URL of that endpoint is an audience too.
    pub(crate) async fn verify_mcp(&self, token: &str) -> Result<Arc<Caller>, Refused> {
        self.verify_for(token, true).await
    }

    async fn verify_for(&self, token: &str, mcp: bool) -> Result<Arc<Caller>, Refused> {
        let now = now_s();
        let digest: [u8; 32] = Sha256::digest(token).into();
        let generation = self.keys.generation();
        if let Some(Some(known)) = self.verified.get(&digest)
            && now < known.until
            && known.generation == generation
            && (mcp || !known.mcp_only)
        {
            return Ok(known.caller);
        }
        let parts = Parts::decode(token).ok_or(Refused::Bad)?;
        let key = self.key(&parts.header).await?;
        if !key.verifies(parts.signed, parts.signature) {
            return Err(Refused::Bad);
        }
        let mcp_only = !self.accepts_audience(&parts.claims, false);
        if mcp_only && !(mcp && self.accepts_audience(&parts.claims, true)) {
            return Err(Refused::Bad);
        }
        let (caller, expires_s) = self.caller(&parts.claims, now).ok_or(Refused::Bad)?;
        let caller = Arc::new(caller);
        let until = expires_s.min(now + VERIFIED_S);
        let known = Verified { caller: caller.clone(), until, generation, mcp_only };
        self.verified.set(digest, Some(known));
        Ok(caller)
    }

    /// The key that the header names: `HS256` means the shared secret, all else a key of the JWKS by `kid`.
    async fn key(&self, header: &Map<String, Value>) -> Result<Key, Refused> {
        let alg = header.get("alg").and_then(Value::as_str).ok_or(Refused::Bad)?;
        let alg = Alg::parse(alg).ok_or(Refused::Bad)?;
        // `crit` names extensions that must be understood; we understand none.
        if header.contains_key("crit") || header.contains_key("b64") || header.contains_key("enc") {
            return Err(Refused::Bad);
        }
        let typ = header.get("typ").map(|typ| typ.as_str().unwrap_or_default());
        let known = |typ: &str| {
            let typ = typ.to_ascii_lowercase();
            matches!(typ.strip_prefix("application/").unwrap_or(&typ), "jwt" | "at+jwt")
        };
        if typ.is_some_and(|typ| !known(typ)) {
            return Err(Refused::Bad);
        }
        if alg == Alg::Hs256 {
            return self.secret.clone().ok_or(Refused::Bad);
        }
        let kid = match header.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str().ok_or(Refused::Bad)?),
        };
        let key = self.keys.find(kid).await?;
        key.filter(|key| key.alg == alg).ok_or(Refused::Bad)
    }

    fn accepts_audience(&self, claims: &Map<String, Value>, mcp: bool) -> bool {
        let Some(audience) = &self.audience else { return true };
        let wanted = |value: &Value| {
            value.as_str().is_some_and(|aud| {
                aud == audience || (mcp && self.mcp_audience.as_deref() == Some(aud))
            })
        };
        match claims.get("aud") {
            Some(Value::Array(all)) => all.iter().any(wanted),
            Some(one) => wanted(one),
            None => false,
        }
    }

    /// The caller that the claims describe, and when the token ends.
    fn caller(&self, claims: &Map<String, Value>, now: f64) -> Option<(Caller, f64)> {
        let exp = claims.get("exp")?.as_f64().filter(|exp| *exp <= EXP_MAX_S)?;
        if now >= exp + LEEWAY_S {
            return None;
        }
        for name in ["nbf", "iat"] {
            let Some(claim) = claims.get(name) else { continue };
            let at = claim.as_f64()?;
            if name == "nbf" && at > now + LEEWAY_S {
                return None;
            }
        }
        if let Some(issuer) = &self.issuer
            && claims.get("iss")?.as_str() != Some(issuer)
        {
            return None;
        }
        let user = UserId::parse(claims.get(&self.subject_claim)?.as_str()?)?;
        let scopes = match claims.get("scope") {
            None => Scopes::usual(),
            Some(scope) => Scopes::of_text(scope.as_str()?),
        };
        let mut caller = Caller::user(user, scopes);
        caller.email = claims.get("email").and_then(Value::as_str).map(str::to_owned);
        caller.zone = claims
            .get("zoneinfo")
            .and_then(Value::as_str)
            .and_then(|zones| zones.split([' ', ',']).next()?.parse().ok());
        caller.expires_at = Some(Timestamp((exp * 1000.0) as i64));
        Some((caller, exp + LEEWAY_S))
    }
}

impl<'a> Parts<'a> {
    fn decode(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        if claims.contains('.') || signature.is_empty() {
            return None;
        }
        let object = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
            serde_json::from_slice::<Map<String, Value>>(&bytes).ok()
        };
        Some(Self { signed, signature, header: object(header)?, claims: object(claims)? })
    }
}

/// Seconds since 1970 by the clock on the wall.
fn now_s() -> f64 {
    wall_clock().0 as f64 / 1000.0
}
