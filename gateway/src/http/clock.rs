//! `/dev/clock`: the host's clock, for tests of days and months. Without `TICKLER_TEST_CLOCK=1` there is no such route.

use actors::message::{
    fault::Code,
    task::command::{Change, When},
    time::{Local, Timestamp, resolve},
};
use axum::http::StatusCode;
use serde_json::json;

use super::{Ask, Outcome, answer};
use crate::{
    app::SetClock,
    fields::{Reader, Spelling, value},
    problem::Problem,
};

/// `GET /dev/clock`
pub(super) async fn get(ask: Ask) -> Outcome {
    there(&ask)?;
    Ok(shown(ask.app.actors.now()))
}

/// `PUT /dev/clock`
pub(super) async fn set(ask: Ask) -> Outcome {
    there(&ask)?;
    ask.no_params()?;
    let object = ask.object()?;
    let nobody = actors::message::key::UserId::parse("-").ok_or_else(Problem::internal)?;
    let mut reader = Reader::new(&object, &nobody, Spelling::Strict)?;
    let now = reader.clearable(&["now"], |value| value::precise(value::text(value)?));
    let advance = reader.clearable(&["advance"], |value| {
        let wrong = || (Code::Invalid, "This must be a duration such as PT1H.".to_owned());
        duration_ms(value::text(value)?).ok_or_else(wrong)
    });
    if now.is_keep() && advance.is_keep() && reader.faults.is_empty() {
        reader.required("now");
    }
    if !now.is_keep() && !advance.is_keep() {
        reader.conflict("advance", "now");
    }
    reader.finish()?;
    let at = match (now, advance) {
        (Change::Set(When::Instant(at)), _) => at.into(),
        (Change::Set(When::Local(Local::Moment(at))), _) => {
            resolve(at, ask.app.config.zone).utc.into()
        }
        (_, Change::Set(ms)) => ask.app.actors.now().plus(ms),
        _ => ask.app.actors.now(),
    };
    there(&ask)?(at);
    Ok(shown(ask.app.actors.now()))
}

fn there(ask: &Ask) -> Result<&SetClock, Problem> {
    ask.app.set_clock().ok_or_else(Problem::not_found)
}

fn shown(now: Timestamp) -> axum::response::Response {
    answer::json(StatusCode::OK, &json!({ "now": now.to_string() }))
}

/// Milliseconds of `P[nW][nD][T[nH][nM][n[.f]S]]`.
fn duration_ms(text: &str) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let mut rest = text.strip_prefix(['P', 'p'])?;
    let (mut total, mut in_time, mut any) = (0.0, false, false);
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix(['T', 't']) {
            if in_time {
                return None;
            }
            (rest, in_time) = (time, true);
            continue;
        }
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let unit = match (rest[end..].chars().next()?.to_ascii_uppercase(), in_time) {
            ('W', false) => 7.0 * 86_400.0,
            ('D', false) => 86_400.0,
            ('H', true) => 3_600.0,
            ('M', true) => 60.0,
            ('S', true) => 1.0,
            _ => return None,
        };
        total += number * unit;
        any = true;
        rest = &rest[end + 1..];
    }
    let ms = total * 1000.0;
    (any && ms < 1e15).then_some(sign * ms.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::duration_ms;

    #[test]
    fn durations_are_read_as_iso_8601_writes_them() {
        for (text, ms) in [
            ("PT1H", Some(3_600_000)),
            ("P1D", Some(86_400_000)),
            ("P1W", Some(604_800_000)),
            ("P1DT2H3M4.5S", Some(93_784_500)),
            ("-PT1S", Some(-1_000)),
            ("PT", None),
            ("P", None),
            ("1H", None),
            ("PT1D", None),
            ("P1H", None),
            ("PT1", None),
        ] {
            assert_eq!(duration_ms(text), ms, "{text}");
        }
    }
}
