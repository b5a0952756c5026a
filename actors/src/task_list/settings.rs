//! The user's settings, and what follows them.

use chrono_tz::Tz;

use super::{
    event::Event,
    mass::{self, Mass},
    state::is_live,
    work::Work,
};
use crate::message::{
    rejection::Rejection,
    task::command::{Change, Reply, Settings, SettingsPatch},
};

/// Changes the settings. A new zone takes floating due dates along, a new `all_day_time` the reminders of days.
pub(super) fn configure(work: &mut Work<'_>, patch: &SettingsPatch) -> Result<Reply, Rejection> {
    let old = work.list.settings.clone();
    let settings = patched(&old, patch);
    if *old == settings {
        return Ok(Reply::Settings(settings));
    }
    let zone = work.zone();
    work.emit(Event::Configured { settings: settings.clone() });
    if old.email != settings.email {
        let mut carriers: Vec<u64> = work.list.reminders.values().copied().collect();
        carriers.sort_unstable();
        carriers.dedup();
        let ids = carriers.iter().filter_map(|number| work.list.tasks.get(number));
        for task in ids.map(|task| task.id).collect::<Vec<_>>() {
            work.touch(task);
        }
    }
    if work.zone() != zone {
        rules_follow(work);
    }
    if work.zone() != zone || old.all_day_time != settings.all_day_time {
        mass::begin(work, Mass::Resettle { after: 0 });
    }
    Ok(Reply::Settings(settings))
}

/// Settings with a patch on them.
pub(super) fn patched(old: &Settings, patch: &SettingsPatch) -> Settings {
    fn to<T: Clone>(change: &Change<T>, keep: &T, clear: T) -> T {
        match change {
            Change::Keep => keep.clone(),
            Change::Clear => clear,
            Change::Set(value) => value.clone(),
        }
    }
    let fresh = Settings::default();
    let some = |zone: &Change<Tz>| match zone {
        Change::Keep => old.zone,
        Change::Clear => None,
        Change::Set(zone) => Some(*zone),
    };
    Settings {
        email: match &patch.email {
            Change::Keep => old.email.clone(),
            Change::Clear => None,
            Change::Set(email) => Some(email.clone()),
        },
        zone: some(&patch.zone),
        all_day_time: to(&patch.all_day_time, &old.all_day_time, fresh.all_day_time),
        channels: to(&patch.channels, &old.channels, fresh.channels),
    }
}

/// Rules without a zone of their own ring by the user's.
fn rules_follow(work: &mut Work<'_>) {
    let floating =
        work.list.series.values().filter(|series| series.zone.is_none() && is_live(series));
    for series in floating.cloned().collect::<Vec<_>>() {
        work.touch_series(series.id);
        work.put_series((*series).clone());
    }
}
