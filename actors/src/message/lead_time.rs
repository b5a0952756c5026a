//! How long before its due date a reminder comes.

use std::fmt;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// A lead time: 1 minute to 365 days. Whole days keep the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LeadTime(i64);

impl LeadTime {
    /// Reads one of the named values or an ISO 8601 duration, PT1M to P365D.
    pub fn parse(text: &str) -> Option<Self> {
        let minutes = match text.to_ascii_lowercase().as_str() {
            "15min" | "15m" | "pt15m" => 15,
            "30min" | "30m" | "pt30m" => 30,
            "1h" | "1hr" | "1hour" | "pt1h" => 60,
            "1d" | "1day" | "p1d" => 1440,
            _ => return None,
        };
        Some(Self(minutes * 60))
    }

    /// A lead of whole minutes; `None` outside 1 minute to 365 days.
    pub fn minutes(minutes: i64) -> Option<Self> {
        (1..=365 * 1440).contains(&minutes).then(|| Self(minutes * 60))
    }

    /// As a span of elapsed time.
    pub fn delta(self) -> TimeDelta {
        TimeDelta::seconds(self.0)
    }

    /// The number of days, where it is whole days.
    pub fn whole_days(self) -> Option<i64> {
        (self.0 % 86_400 == 0).then_some(self.0 / 86_400)
    }
}

impl fmt::Display for LeadTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 / 60 {
            15 => f.write_str("15min"),
            30 => f.write_str("30min"),
            60 => f.write_str("1h"),
            1440 => f.write_str("1d"),
            minutes => write!(f, "PT{minutes}M"),
        }
    }
}

impl From<LeadTime> for String {
    fn from(lead: LeadTime) -> Self {
        lead.to_string()
    }
}

impl TryFrom<String> for LeadTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is no lead time"))
    }
}
