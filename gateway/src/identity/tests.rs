//! Which tokens open, with keys of every kind; and every way we know to twist one.

use std::path::Path;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, EncodingKey, crypto, jwk::Jwk};
use serde_json::{Value, json};

use super::{
    Caller, Refused,
    jwt::Verifier,
    scope::{Scope, Scopes},
};
use crate::config::{Auth, Config, Flags};

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "tickler";
const SECRET: &str = "an HS256 secret of thirty-two bytes or more";
/// Until 2096.
const FAR: i64 = 4_000_000_000;

/// Keys for tests alone: fixed, so that a failure repeats.
struct Keys {
    ed: EncodingKey,
    other_ed: EncodingKey,
    ec: EncodingKey,
    rsa: EncodingKey,
    short_rsa: EncodingKey,
    hmac: EncodingKey,
}

fn der(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64.replace('\n', "")).expect("base64")
}

fn ed(seed: u8) -> EncodingKey {
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend([seed; 32]);
    EncodingKey::from_ed_der(&der)
}

fn keys() -> Keys {
    let mut ec = vec![0x30, 0x41, 2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    ec.extend([6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 4, 0x27, 0x30, 0x25, 2, 1, 1, 4, 0x20]);
    ec.extend([9; 32]);
    Keys {
        ed: ed(1),
        other_ed: ed(2),
        ec: EncodingKey::from_ec_der(&ec),
        rsa: EncodingKey::from_rsa_der(&der(include_str!("tests/rsa-2048.txt"))),
        short_rsa: EncodingKey::from_rsa_der(&der(include_str!("tests/rsa-1024.txt"))),
        hmac: EncodingKey::from_secret(SECRET.as_bytes()),
    }
}

fn jwk(key: &EncodingKey, alg: Algorithm, members: Value) -> Value {
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(key, alg).expect("a jwk"))
        .expect("a jwk is JSON");
    for (name, value) in members.as_object().expect("members") {
        jwk[name.as_str()] = value.clone();
    }
    jwk
}

fn jwks(keys: &Keys) -> Value {
    let plain = |key, alg, kid: &str| jwk(key, alg, json!({ "kid": kid, "use": "sig" }));
    let mut silent = plain(&keys.rsa, Algorithm::RS256, "silent");
    silent.as_object_mut().expect("a jwk").remove("alg");
    json!({ "keys": [
        plain(&keys.ed, Algorithm::EdDSA, "ed"),
        plain(&keys.ec, Algorithm::ES256, "ec"),
        plain(&keys.rsa, Algorithm::RS256, "rs"),
        plain(&keys.rsa, Algorithm::PS256, "ps"),
        silent,
        jwk(&keys.ed, Algorithm::EdDSA, json!({ "kid": "enc", "use": "enc" })),
        jwk(&keys.ed, Algorithm::EdDSA, json!({ "kid": "ops", "key_ops": ["sign"] })),
        jwk(&keys.ed, Algorithm::EdDSA, json!({ "kid": "twice" })),
        jwk(&keys.other_ed, Algorithm::EdDSA, json!({ "kid": "twice" })),
        jwk(&keys.short_rsa, Algorithm::RS256, json!({ "kid": "short" })),
        jwk(&keys.hmac, Algorithm::HS256, json!({ "kid": "oct" })),
        jwk(&keys.ed, Algorithm::EdDSA, json!({ "kid": "liar", "alg": "RS256" })),
        jwk(&keys.ed, Algorithm::EdDSA, json!({ "kid": "odd", "alg": "HS256" })),
        json!({ "kty": "EC", "crv": "P-384", "kid": "p384", "x": "AA", "y": "AA" }),
        json!("no key at all"),
    ]})
}

fn config(vars: &[(&str, &str)]) -> Config {
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let vars = vars.chain([("HOME".to_owned(), "/tmp".to_owned())]);
    Config::read(vars, &Flags::default()).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn verifier(vars: &[(&str, &str)]) -> Verifier {
    let config = config(vars);
    let Auth::Jwt(jwt) = &config.auth else { panic!("jwt") };
    Verifier::new(jwt, &config).expect("a verifier")
}

/// Checks by a JWKS, by a secret, issuer and audience.
fn strict(folder: &Path, keys: &Keys) -> Verifier {
    let file = folder.join("jwks.json");
    std::fs::write(&file, jwks(keys).to_string()).expect("a file");
    verifier(&[
        ("TICKLER_JWKS", file.to_str().expect("a path")),
        ("TICKLER_JWT_SECRET", SECRET),
        ("TICKLER_JWT_ISSUER", ISSUER),
        ("TICKLER_JWT_AUDIENCE", AUDIENCE),
        ("TICKLER_PUBLIC_URL", "https://todo.example"),
    ])
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token with any header and claims, signed in any way.
fn mint(header: &Value, claims: &Value, key: &EncodingKey, alg: Algorithm) -> String {
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = crypto::sign(signed.as_bytes(), key, alg).expect("a signature");
    format!("{signed}.{signature}")
}

fn claims() -> Value {
    json!({ "sub": "ana", "exp": FAR, "iss": ISSUER, "aud": AUDIENCE })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().expect("claims").remove(name);
    claims
}

fn header(alg: &str, kid: &str) -> Value {
    json!({ "alg": alg, "kid": kid, "typ": "JWT" })
}

async fn opens(verifier: &Verifier, token: &str) -> Result<Caller, Refused> {
    verifier.verify(token).await.map(|caller| (*caller).clone())
}

#[tokio::test]
async fn keys_of_every_kind_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = keys();
    let verifier = strict(folder.path(), &keys);
    for (alg, kid, key, algorithm) in [
        ("EdDSA", "ed", &keys.ed, Algorithm::EdDSA),
        ("ES256", "ec", &keys.ec, Algorithm::ES256),
        ("RS256", "rs", &keys.rsa, Algorithm::RS256),
        ("PS256", "ps", &keys.rsa, Algorithm::PS256),
        ("RS256", "silent", &keys.rsa, Algorithm::RS256),
    ] {
        let token = mint(&header(alg, kid), &claims(), key, algorithm);
        let caller = opens(&verifier, &token).await.unwrap_or_else(|why| panic!("{kid}: {why:?}"));
        assert_eq!(caller.user.as_str(), "ana");
        assert_eq!(caller.scopes, Scopes::usual());
        // The second time the signature is not checked again.
        assert_eq!(opens(&verifier, &token).await, Ok(caller));
    }
    let shared = mint(&json!({"alg": "HS256"}), &claims(), &keys.hmac, Algorithm::HS256);
    assert!(opens(&verifier, &shared).await.is_ok());
}

#[tokio::test]
async fn claims_are_read_as_they_are_meant() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = keys();
    let verifier = strict(folder.path(), &keys);
    let now = crate::app::wall_clock().0 / 1000;
    for claims in [
        with("aud", json!(["else", AUDIENCE])),
        with("exp", json!(now as f64 + 5.5)),
        with("exp", json!(now - 20)),
        with("nbf", json!(now + 20)),
        with("iat", json!(now + 500)),
        with("sub", json!("x".repeat(128))),
        with("sub", json!("ana@example.org")),
        with("extra", json!({"deep": [1]})),
    ] {
        let token = mint(&header("EdDSA", "ed"), &claims, &keys.ed, Algorithm::EdDSA);
        assert!(opens(&verifier, &token).await.is_ok(), "{claims}");
    }
    let mut told = with("email", json!("ana@example.org"));
    told["zoneinfo"] = json!("Europe/Berlin UTC");
    told["scope"] = json!("tasks:read audit:all openid");
    let token = mint(&header("EdDSA", "ed"), &told, &keys.ed, Algorithm::EdDSA);
    let caller = opens(&verifier, &token).await.expect("a caller");
    assert_eq!(caller.email.as_deref(), Some("ana@example.org"));
    assert_eq!(caller.zone, Some(chrono_tz::Europe::Berlin));
    assert_eq!(caller.scopes, [Scope::TasksRead, Scope::AuditAll].into_iter().collect());
    // The endpoint of MCP is an audience there, and nowhere else.
    let mcp = with("aud", json!("https://todo.example/mcp"));
    let token = mint(&header("EdDSA", "ed"), &mcp, &keys.ed, Algorithm::EdDSA);
    assert!(verifier.verify_mcp(&token).await.is_ok());
    assert_eq!(opens(&verifier, &token).await, Err(Refused::Bad));
    assert!(verifier.verify_mcp(&token).await.is_ok());
}

/// Claims that must not open, though signed by the right key.
fn wrong_claims(now: i64) -> Vec<(&'static str, Value)> {
    vec![
        ("no sub", without("sub")),
        ("sub null", with("sub", Value::Null)),
        ("sub empty", with("sub", json!(""))),
        ("sub a number", with("sub", json!(7))),
        ("sub a list", with("sub", json!(["ana"]))),
        ("sub too long", with("sub", json!("x".repeat(129)))),
        ("sub with a control character", with("sub", json!("ana\u{0}"))),
        ("sub with a line break", with("sub", json!("ana\nbob"))),
        ("no exp", without("exp")),
        ("exp null", with("exp", Value::Null)),
        ("exp a text", with("exp", json!("4000000000"))),
        ("exp passed", with("exp", json!(now - 3600))),
        ("exp passed by more than the leeway", with("exp", json!(now - 31))),
        ("exp zero", with("exp", json!(0))),
        ("exp negative", with("exp", json!(-1))),
        ("exp beyond time", with("exp", json!(1e300))),
        ("exp true", with("exp", json!(true))),
        ("nbf ahead", with("nbf", json!(now + 3600))),
        ("nbf ahead by more than the leeway", with("nbf", json!(now + 40))),
        ("nbf a text", with("nbf", json!("0"))),
        ("nbf null", with("nbf", Value::Null)),
        ("iat a text", with("iat", json!("now"))),
        ("no iss", without("iss")),
        ("iss another", with("iss", json!("https://evil.example"))),
        ("iss with a slash", with("iss", json!("https://id.example/"))),
        ("iss in capitals", with("iss", json!("HTTPS://ID.EXAMPLE"))),
        ("iss a list", with("iss", json!([ISSUER]))),
        ("no aud", without("aud")),
        ("aud another", with("aud", json!("else"))),
        ("aud empty", with("aud", json!([]))),
        ("aud an object", with("aud", json!({ AUDIENCE: 1 }))),
        ("aud a list of lists", with("aud", json!([[AUDIENCE]]))),
        ("aud a prefix", with("aud", json!("tick"))),
        ("scope a list", with("scope", json!(["tasks:read"]))),
        ("scope null", with("scope", Value::Null)),
        ("claims a list", json!([1])),
        ("claims a text", json!("sub")),
    ]
}

/// Headers that must not open, though signed by the key of `ed`.
fn wrong_headers() -> Vec<(&'static str, Value)> {
    vec![
        ("alg none", json!({ "alg": "none", "kid": "ed" })),
        ("alg NONE", json!({ "alg": "NONE", "kid": "ed" })),
        ("alg empty", json!({ "alg": "", "kid": "ed" })),
        ("no alg", json!({ "kid": "ed" })),
        ("alg null", json!({ "alg": null, "kid": "ed" })),
        ("alg a list", json!({ "alg": ["EdDSA"], "kid": "ed" })),
        ("alg in other letters", json!({ "alg": "eddsa", "kid": "ed" })),
        ("alg of another kind", json!({ "alg": "ES256", "kid": "ed" })),
        ("alg unknown", json!({ "alg": "ES384", "kid": "ed" })),
        ("alg HS384", json!({ "alg": "HS384", "kid": "ed" })),
        ("no kid", json!({ "alg": "EdDSA" })),
        ("kid unknown", json!({ "alg": "EdDSA", "kid": "nobody" })),
        ("kid empty", json!({ "alg": "EdDSA", "kid": "" })),
        ("kid a number", json!({ "alg": "EdDSA", "kid": 1 })),
        ("kid null", json!({ "alg": "EdDSA", "kid": null })),
        ("kid of another key", json!({ "alg": "EdDSA", "kid": "ec" })),
        ("kid as a path", json!({ "alg": "EdDSA", "kid": "../../dev/null" })),
        ("kid as SQL", json!({ "alg": "EdDSA", "kid": "' OR 1=1 --" })),
        ("kid of two keys", json!({ "alg": "EdDSA", "kid": "twice" })),
        ("a key for encryption", json!({ "alg": "EdDSA", "kid": "enc" })),
        ("a key that may not verify", json!({ "alg": "EdDSA", "kid": "ops" })),
        ("a key that lies about its kind", json!({ "alg": "EdDSA", "kid": "liar" })),
        ("a key that claims HS256", json!({ "alg": "EdDSA", "kid": "odd" })),
        ("crit", json!({ "alg": "EdDSA", "kid": "ed", "crit": ["exp"] })),
        ("crit empty", json!({ "alg": "EdDSA", "kid": "ed", "crit": [] })),
        ("b64 false", json!({ "alg": "EdDSA", "kid": "ed", "b64": false })),
        ("typ of another thing", json!({ "alg": "EdDSA", "kid": "ed", "typ": "logout+jwt" })),
        ("typ a number", json!({ "alg": "EdDSA", "kid": "ed", "typ": 1 })),
        ("header a list", json!(["EdDSA"])),
    ]
}

/// Tokens twisted as a whole.
#[expect(clippy::too_many_lines, reason = "one table")]
fn twisted(keys: &Keys) -> Vec<(&'static str, String)> {
    let good = mint(&header("EdDSA", "ed"), &claims(), &keys.ed, Algorithm::EdDSA);
    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("3") };
    let bob = part(&with("sub", json!("bob")));
    let own_key = jwk(&keys.other_ed, Algorithm::EdDSA, json!({}));
    let carried = json!({ "alg": "EdDSA", "kid": "ed", "jwk": own_key });
    let fetched = json!({ "alg": "EdDSA", "kid": "new", "jku": "http://127.0.0.1:1/evil" });
    let public = jwks(keys)["keys"][2]["n"].as_str().expect("n").to_owned();
    let as_secret = EncodingKey::from_secret(public.as_bytes());
    let own_secret = EncodingKey::from_secret(b"a secret of my own that is long enough");
    let empty_secret = EncodingKey::from_secret(b"");
    let flipped = {
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).expect("base64");
        bytes[10] ^= 1;
        URL_SAFE_NO_PAD.encode(bytes)
    };
    vec![
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("one part", "abc".to_owned()),
        ("two parts", format!("{head}.{body}")),
        ("no signature", format!("{head}.{body}.")),
        ("four parts", format!("{good}.x")),
        ("five parts, as if encrypted", format!("{head}.{body}.{signature}.x.y")),
        ("another's claims", format!("{head}.{bob}.{signature}")),
        ("a bit of the signature", format!("{head}.{body}.{flipped}")),
        ("half a signature", format!("{head}.{body}.{}", &signature[..40])),
        ("a signature of zeros", format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode([0; 64]))),
        ("padded", format!("{head}.{body}.{signature}==")),
        ("plain base64", format!("{head}.{body}.{}", STANDARD.encode(signature))),
        ("a space inside", format!("{head}. {body}.{signature}")),
        (
            "a key of its own",
            mint(&header("EdDSA", "ed"), &claims(), &keys.other_ed, Algorithm::EdDSA),
        ),
        ("a key that it carries", mint(&carried, &claims(), &keys.other_ed, Algorithm::EdDSA)),
        ("a key that it points to", mint(&fetched, &claims(), &keys.other_ed, Algorithm::EdDSA)),
        (
            "the public key as a secret",
            mint(&header("HS256", "rs"), &claims(), &as_secret, Algorithm::HS256),
        ),
        (
            "a secret of its own",
            mint(&header("HS256", "ed"), &claims(), &own_secret, Algorithm::HS256),
        ),
        (
            "the empty secret",
            mint(&header("HS256", "ed"), &claims(), &empty_secret, Algorithm::HS256),
        ),
        (
            "a secret from the key set",
            mint(&header("HS256", "oct"), &claims(), &as_secret, Algorithm::HS256),
        ),
        (
            "PS256 with a key for RS256",
            mint(&header("PS256", "rs"), &claims(), &keys.rsa, Algorithm::PS256),
        ),
        (
            "RS256 with a key for PS256",
            mint(&header("RS256", "ps"), &claims(), &keys.rsa, Algorithm::RS256),
        ),
        (
            "RS256 said, PS256 done",
            mint(&header("RS256", "rs"), &claims(), &keys.rsa, Algorithm::PS256),
        ),
        ("RS512", mint(&header("RS512", "rs"), &claims(), &keys.rsa, Algorithm::RS512)),
        (
            "a short RSA key",
            mint(&header("RS256", "short"), &claims(), &keys.short_rsa, Algorithm::RS256),
        ),
        ("a P-384 key", mint(&header("ES256", "p384"), &claims(), &keys.ec, Algorithm::ES256)),
        (
            "HS512 with our secret",
            mint(&header("HS512", "ed"), &claims(), &keys.hmac, Algorithm::HS512),
        ),
        ("unsigned", format!("{}.{body}.", part(&json!({ "alg": "none" })))),
        (
            "unsigned, with a signature",
            format!("{}.{body}.{signature}", part(&json!({ "alg": "none" }))),
        ),
        ("no JSON", format!("{}.{body}.{signature}", URL_SAFE_NO_PAD.encode("{"))),
        ("no UTF-8", format!("{}.{body}.{signature}", URL_SAFE_NO_PAD.encode([0xff, 0xfe]))),
    ]
}

#[tokio::test]
async fn no_twisted_token_opens() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = keys();
    let verifier = strict(folder.path(), &keys);
    let now = crate::app::wall_clock().0 / 1000;
    let mut tokens = twisted(&keys);
    for (name, claims) in wrong_claims(now) {
        tokens.push((name, mint(&header("EdDSA", "ed"), &claims, &keys.ed, Algorithm::EdDSA)));
    }
    for (name, header) in wrong_headers() {
        tokens.push((name, mint(&header, &claims(), &keys.ed, Algorithm::EdDSA)));
    }
    assert!(tokens.len() >= 90, "{}", tokens.len());
    for (name, token) in tokens {
        assert_eq!(opens(&verifier, &token).await, Err(Refused::Bad), "{name}");
    }
    // With the secret alone, every key of a JWKS is nobody's.
    let secret_only = verifier_by_secret();
    let token = mint(&header("EdDSA", "ed"), &claims(), &keys.ed, Algorithm::EdDSA);
    assert_eq!(opens(&secret_only, &token).await, Err(Refused::Bad));
    let token = mint(&json!({"alg": "HS256"}), &claims(), &keys.hmac, Algorithm::HS256);
    assert!(opens(&secret_only, &token).await.is_ok());
}

fn verifier_by_secret() -> Verifier {
    verifier(&[("BETTER_AUTH_SECRET", SECRET)])
}

#[tokio::test]
async fn algorithms_that_are_not_allowed_do_not_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = keys();
    let file = folder.path().join("jwks.json");
    std::fs::write(&file, jwks(&keys).to_string()).expect("a file");
    let file = file.to_str().expect("a path");
    let verifier = verifier(&[("TICKLER_JWKS", file), ("TICKLER_JWT_ALGS", "ES256,PS256")]);
    let ed = mint(&header("EdDSA", "ed"), &claims(), &keys.ed, Algorithm::EdDSA);
    assert_eq!(opens(&verifier, &ed).await, Err(Refused::Bad));
    let ec = mint(&header("ES256", "ec"), &claims(), &keys.ec, Algorithm::ES256);
    assert!(opens(&verifier, &ec).await.is_ok());
    // A key that does not say its algorithm has the first of its kind that is allowed.
    let ps = mint(&header("PS256", "silent"), &claims(), &keys.rsa, Algorithm::PS256);
    assert!(opens(&verifier, &ps).await.is_ok());
}

/// A key server on loopback that counts how often it was asked.
async fn key_server(
    answers: tokio::sync::watch::Receiver<Value>,
) -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = asked.clone();
    let router = axum::Router::new().fallback(move || {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let answer = answers.borrow().to_string();
        async move { answer }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/jwks", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, asked)
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_once_in_thirty_seconds() {
    let keys = keys();
    let set = |kid: &str, key| json!({"keys": [jwk(key, Algorithm::EdDSA, json!({"kid": kid}))]});
    let (answer, answers) = tokio::sync::watch::channel(set("old", &keys.ed));
    let (url, asked) = key_server(answers).await;
    let count = || asked.load(std::sync::atomic::Ordering::SeqCst);
    let verifier = verifier(&[("TICKLER_JWKS", &url)]);
    let token = |kid: &str, key| mint(&header("EdDSA", kid), &claims(), key, Algorithm::EdDSA);
    let (old, new) = (token("old", &keys.ed), token("new", &keys.other_ed));
    assert!(opens(&verifier, &old).await.is_ok());
    assert_eq!(count(), 1);
    // The key changes: the first that asks for the new one makes us look, the first load not counting.
    answer.send_replace(set("new", &keys.other_ed));
    assert!(opens(&verifier, &new).await.is_ok());
    assert_eq!(count(), 2);
    // The old one is gone, though it was verified a moment ago.
    assert_eq!(opens(&verifier, &old).await, Err(Refused::Bad));
    for n in 0..20 {
        let stranger = token(&format!("stranger-{n}"), &keys.ed);
        assert_eq!(opens(&verifier, &stranger).await, Err(Refused::Bad));
    }
    assert_eq!(count(), 2);
    assert!(opens(&verifier, &new).await.is_ok());
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_no_refusal() {
    let verifier = verifier(&[("TICKLER_JWKS", "http://127.0.0.1:9/jwks")]);
    let keys = keys();
    let token = mint(&header("EdDSA", "ed"), &claims(), &keys.ed, Algorithm::EdDSA);
    assert_eq!(opens(&verifier, &token).await, Err(Refused::Unavailable));
}
