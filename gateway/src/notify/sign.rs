//! Secrets, and the signature by which a receiver knows us (Standard Webhooks).

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::app::random_id;

/// What a secret begins with that is Base64.
const PREFIX: &str = "whsec_";
/// Shortest secret that a caller may give, in characters.
pub(crate) const SECRET_CHARS_MIN: usize = 16;
/// Longest secret that a caller may give, in characters.
pub(crate) const SECRET_CHARS_MAX: usize = 256;

/// A new secret: 32 bytes, of which 244 bits are random.
pub(crate) fn secret() -> String {
    let mut bytes = random_id().into_bytes().to_vec();
    bytes.extend(random_id().into_bytes());
    format!("{PREFIX}{}", BASE64.encode(bytes))
}

/// The secret of `name` that follows from another.
pub(crate) fn derived(root: &str, name: &str) -> String {
    format!("{PREFIX}{}", BASE64.encode(mac(root, name.as_bytes())))
}

/// The key that a secret stands for; `None` where it is Base64 by its prefix and cannot be read.
pub(crate) fn key(secret: &str) -> Option<Vec<u8>> {
    match secret.strip_prefix(PREFIX) {
        Some(text) => BASE64.decode(text).ok().filter(|key| !key.is_empty()),
        None => Some(secret.as_bytes().to_vec()),
    }
}

/// `webhook-signature`: one for each secret.
pub(crate) fn signature(secrets: &[&str], id: &str, seconds: i64, body: &str) -> String {
    let signed = format!("{id}.{seconds}.{body}");
    let sign = |secret: &&str| format!("v1,{}", BASE64.encode(mac(secret, signed.as_bytes())));
    secrets.iter().map(sign).collect::<Vec<_>>().join(" ")
}

fn mac(secret: &str, signed: &[u8]) -> Vec<u8> {
    let key = key(secret).unwrap_or_default();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of every length");
    mac.update(signed);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_published_example() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "{\"test\": 2432232314}");
        assert_eq!(
            signature(&[secret], id, 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        let both = signature(&[secret, "sixteen letters!"], id, 1_614_265_330, body);
        assert_eq!(both.split(' ').count(), 2);
    }

    #[test]
    fn secrets_are_read_as_base64_by_their_prefix_alone() {
        assert_eq!(key(&secret()).map(|key| key.len()), Some(32));
        assert_ne!(secret(), secret());
        assert_eq!(key("sixteen letters!"), Some(b"sixteen letters!".to_vec()));
        assert_eq!(key("whsec_&&&"), None);
        assert_eq!(derived("root", "a"), derived("root", "a"));
        assert_ne!(derived("root", "a"), derived("root", "b"));
    }
}
