//! An actor's key as the id that Dapr knows it by, and back.

use std::fmt::Write;

use uuid::Uuid;

use crate::message::key::{Key, Kind, UserId};

/// Between user and rule; never in an encoded user.
const RULE_MARK: char = '~';

/// The id of an actor in Dapr: the user with every byte but letters, digits, `-`, `_` and `.` written `=XX` (so that it
/// stands in a path, and holds no `||`), then `~` and the rule.
pub fn actor_id(key: &Key) -> String {
    let mut id = String::with_capacity(key.user.as_str().len() + 40);
    for byte in key.user.as_str().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => id.push(byte.into()),
            _ => write!(id, "={byte:02X}").expect("a string takes all that is written"),
        }
    }
    if let Some(rule) = key.rule {
        write!(id, "{RULE_MARK}{rule}").expect("a string takes all that is written");
    }
    id
}

/// The actor that Dapr knows by this type and id; `None` for what [`actor_id`] never writes.
pub fn key_of(actor_type: &str, id: &str) -> Option<Key> {
    let kind = match actor_type {
        "TaskListActor" => Kind::TaskListActor,
        "ReminderActor" => Kind::ReminderActor,
        "RecurrenceActor" => Kind::RecurrenceActor,
        _ => return None,
    };
    let (user, rule) = match id.split_once(RULE_MARK) {
        Some((user, rule)) => (user, Some(Uuid::parse_str(rule).ok()?)),
        None => (id, None),
    };
    if rule.is_some() != (kind == Kind::RecurrenceActor) {
        return None;
    }
    let mut bytes = Vec::with_capacity(user.len());
    let mut rest = user.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'=' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    Some(Key { kind, user: UserId::parse(std::str::from_utf8(&bytes).ok()?)?, rule })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_key_comes_back(user in "[^\\p{Cc}]{1,128}", rule in any::<Option<u128>>()) {
            let user = UserId::parse(&user).unwrap();
            let key = match rule {
                Some(rule) => Key::recurrence(&user, Uuid::from_u128(rule)),
                None => Key::task_list(&user),
            };
            let id = actor_id(&key);
            prop_assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.=~".contains(&b)));
            prop_assert_eq!(key_of(&key.kind.to_string(), &id), Some(key));
        }

        #[test]
        fn nothing_breaks_on_what_others_send(kind in "(TaskListActor|RecurrenceActor|.*)", id in ".*") {
            let _ = key_of(&kind, &id);
        }
    }
}
