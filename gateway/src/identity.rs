//! Who asks: a credential becomes a caller, or is refused. Identity comes from nowhere else.

pub(crate) mod jwks;
pub(crate) mod jwt;
pub(crate) mod origin;
pub(crate) mod rates;
pub(crate) mod scope;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use actors::message::{
    call::{By, Caller as Kind},
    key::UserId,
    time::Timestamp,
};
use axum::http::{HeaderMap, header};
use chrono_tz::Tz;

use crate::{
    accounts::{Holder, Unavailable},
    app::App,
    config::{Auth, Config},
    problem::{Problem, Slug},
};
use origin::Origins;
use scope::{Scope, Scopes};

/// The session cookie.
pub(crate) const COOKIE: &str = "tickler_session";
/// What personal tokens begin with.
pub(crate) const TOKEN_PREFIX: &str = "tkl_";
/// Longest credential, in bytes.
const CREDENTIAL_BYTES_MAX: usize = 8 << 10;

/// Who asks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Caller {
    /// The user.
    pub(crate) user: UserId,
    /// What events say of who did it.
    pub(crate) by: By,
    /// What the credential allows.
    pub(crate) scopes: Scopes,
    /// The e-mail address that the token names.
    pub(crate) email: Option<String>,
    /// The zone that the token names.
    pub(crate) zone: Option<Tz>,
    /// The credential came as a cookie.
    pub(crate) by_cookie: bool,
    /// The personal token that this is, or that the session began with.
    pub(crate) token: Option<String>,
    /// When the credential ends.
    pub(crate) expires_at: Option<Timestamp>,
}

impl Caller {
    /// A user whom the owner of this process names (`tickler mcp --user`).
    pub(crate) fn named(user: UserId) -> Self {
        Self::user(user, Scopes::usual())
    }

    fn user(user: UserId, scopes: Scopes) -> Self {
        let by = By { kind: Kind::User, id: user.as_str().to_owned() };
        let (email, zone, token, expires_at) = (None, None, None, None);
        Self { user, by, scopes, email, zone, by_cookie: false, token, expires_at }
    }

    /// Who holds a token or a session of ours.
    pub(crate) fn holder(holder: Holder) -> Self {
        let mut caller = Self::user(holder.user, holder.scopes);
        if let Some(token) = &holder.token {
            caller.by = By { kind: Kind::Token, id: token.clone() };
        }
        Self {
            email: holder.email,
            zone: holder.zone,
            token: holder.token,
            expires_at: Some(holder.expires_at),
            ..caller
        }
    }
}

/// Why nobody is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no credential.
    Missing,
    /// There is one, and it is not good. Which way is said to nobody.
    Bad,
    /// It cannot be judged now.
    Unavailable,
}

impl From<Unavailable> for Refused {
    fn from(_: Unavailable) -> Self {
        Self::Unavailable
    }
}

/// What a credential is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// The HTTP interface.
    Api,
    /// `/mcp`, whose URL is an audience too.
    Mcp,
}

/// How callers are known.
pub(crate) struct Identity {
    verifier: Option<jwt::Verifier>,
    pub(crate) origins: Origins,
    public_url: Option<String>,
}

/// What a request brings.
enum Credential<'a> {
    None,
    Bearer(&'a str),
    Cookie(&'a str),
}

impl Identity {
    /// Knows callers as configured.
    pub(crate) fn new(config: &Config) -> anyhow::Result<Self> {
        let verifier = match &config.auth {
            Auth::Dev => None,
            Auth::Jwt(jwt) => Some(jwt::Verifier::new(jwt, config)?),
        };
        let public_url = config.public_url.clone();
        Ok(Self { verifier, origins: Origins::new(config), public_url })
    }

    /// The caller of a request.
    pub(crate) async fn caller(
        &self,
        app: &App,
        headers: &HeaderMap,
        audience: Audience,
    ) -> Result<Arc<Caller>, Refused> {
        match credential(headers)? {
            Credential::Bearer(token) => self.bearer_for(app, token, audience).await,
            Credential::Cookie(secret) => match app.accounts.session(secret, now(app)).await? {
                Some(holder) => Ok(Arc::new(Caller { by_cookie: true, ..Caller::holder(holder) })),
                None if self.verifier.is_none() => dev(),
                None => Err(Refused::Bad),
            },
            Credential::None if self.verifier.is_none() => dev(),
            Credential::None => Err(Refused::Missing),
        }
    }

    /// The caller that a bearer token stands for.
    pub(crate) async fn bearer(&self, app: &App, token: &str) -> Result<Arc<Caller>, Refused> {
        self.bearer_for(app, token, Audience::Api).await
    }

    async fn bearer_for(
        &self,
        app: &App,
        token: &str,
        audience: Audience,
    ) -> Result<Arc<Caller>, Refused> {
        if token.len() > CREDENTIAL_BYTES_MAX {
            return Err(Refused::Bad);
        }
        if token.starts_with(TOKEN_PREFIX) {
            let holder = app.accounts.token(token, now(app)).await?;
            return holder.map(Caller::holder).map(Arc::new).ok_or(Refused::Bad);
        }
        match &self.verifier {
            None if token == "dev" => dev(),
            None => Err(Refused::Bad),
            Some(verifier) => match audience {
                Audience::Api => verifier.verify(token).await,
                Audience::Mcp => verifier.verify_mcp(token).await,
            },
        }
    }

    /// Refuses a caller whose credential lacks a scope.
    pub(crate) fn allow(
        &self,
        caller: &Caller,
        scope: Scope,
        headers: &HeaderMap,
    ) -> Result<(), Problem> {
        match caller.scopes.has(scope) {
            true => Ok(()),
            false => Err(self.lacking(scope, headers, Audience::Api)),
        }
    }

    /// 403: the credential does not allow this.
    pub(crate) fn lacking(&self, scope: Scope, headers: &HeaderMap, audience: Audience) -> Problem {
        let name = scope.name();
        let metadata = self.metadata_url(headers, audience);
        Problem::new(Slug::InsufficientScope, format!("This needs a credential with {name}."))
            .with_header(
                header::WWW_AUTHENTICATE,
                format!(
                    "Bearer error=\"insufficient_scope\", scope=\"{name}\", \
                     resource_metadata=\"{metadata}\""
                ),
            )
    }

    /// 401: how to say who one is.
    pub(crate) fn challenge(
        &self,
        refused: Refused,
        headers: &HeaderMap,
        audience: Audience,
    ) -> Problem {
        let metadata = self.metadata_url(headers, audience);
        let (detail, error) = match refused {
            Refused::Missing => ("Say who you are: Authorization: Bearer <token>.", ""),
            _ => ("The credential is not valid, or no longer.", "error=\"invalid_token\", "),
        };
        Problem::new(Slug::Unauthenticated, detail).with_header(
            header::WWW_AUTHENTICATE,
            format!("Bearer {error}resource_metadata=\"{metadata}\""),
        )
    }

    /// How the world reaches us, as far as that is known.
    pub(crate) fn base_url(&self, headers: &HeaderMap) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let fine =
            |host: &&str| host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
        format!("http://{}", host.filter(fine).unwrap_or("localhost"))
    }

    fn metadata_url(&self, headers: &HeaderMap, audience: Audience) -> String {
        let resource = match audience {
            Audience::Api => "",
            Audience::Mcp => "/mcp",
        };
        format!("{}/.well-known/oauth-protected-resource{resource}", self.base_url(headers))
    }
}

fn now(app: &App) -> Timestamp {
    app.actors.now()
}

/// The one user of dev mode.
fn dev() -> Result<Arc<Caller>, Refused> {
    let user = UserId::parse("dev").ok_or(Refused::Bad)?;
    Ok(Arc::new(Caller::user(user, Scopes::usual())))
}

/// The credential of a request: one `Authorization: Bearer`, else the cookie.
fn credential(headers: &HeaderMap) -> Result<Credential<'_>, Refused> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    if let Some(value) = values.next() {
        if values.next().is_some() {
            return Err(Refused::Bad);
        }
        let text = value.to_str().map_err(|_| Refused::Bad)?;
        let (scheme, token) = text.trim().split_once(' ').ok_or(Refused::Bad)?;
        let token = token.trim();
        if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
            return Err(Refused::Bad);
        }
        return Ok(Credential::Bearer(token));
    }
    Ok(session_cookie(headers).map_or(Credential::None, Credential::Cookie))
}

/// The session cookie of a request.
pub(crate) fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then_some(value))
}
