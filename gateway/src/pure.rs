//! What is only computed, for HTTP and the command line: what a rule expands to, what a sentence says.

use actors::{
    message::fault::{Code, Fault},
    quick_add,
    recurrence::rule::{Rule, expand_with},
};
use serde_json::Value;

use crate::problem::{Problem, Slug};

/// What a rule expands to; also in English.
pub(crate) fn expanded(request: &Value) -> Result<Value, Problem> {
    let english = |text: &str| {
        let rule = quick_add::recurrence(text)?;
        Rule::read(&rule).ok().flatten()
    };
    expand_with(request, english).map_err(|faults| Problem::fields(expand_slug(&faults), faults))
}

/// What a sentence says.
pub(crate) fn unparsed(faults: Vec<Fault>) -> Problem {
    let zone = faults.iter().all(|fault| fault.pointer == "/zone");
    Problem::fields(if zone { Slug::InvalidZone } else { Slug::Invalid }, faults)
}

/// A wrong zone, a wrong rule, or something else.
fn expand_slug(faults: &[Fault]) -> Slug {
    let all = |names: &[&str]| {
        faults.iter().all(|fault| {
            let first = fault.pointer.split('/').nth(1).unwrap_or_default();
            names.contains(&first)
        })
    };
    if all(&["zone", "tz"]) && faults.iter().all(|fault| fault.code != Code::Conflict) {
        Slug::InvalidZone
    } else if all(&["rule", "rrule", "rdates", "exdates"]) {
        Slug::InvalidRecurrence
    } else {
        Slug::Invalid
    }
}
