//! The TaskListActor: the single source of truth for everything a user changes.
//!
//! Reading order: `event` (what can happen), `state` (how it is held), `work` (a decision on a working copy),
//! then what can be decided: `edit`, `remind`, `complete`, `series`, `order`, `tags`, `settings`, `undo`,
//! `import`, `batch`; what clocks bring: `ring`, `mass`, `retire`; what can be asked: `list`, `find`, `ask`.

mod ask;
mod batch;
mod coming;
mod complete;
mod cursor;
mod edit;
mod event;
mod fact;
mod find;
mod import;
mod list;
mod mass;
mod order;
mod pages;
mod remind;
mod retire;
mod ring;
mod series;
mod settings;
mod state;
mod tags;
mod undo;
mod work;

#[cfg(test)]
mod tests;

pub use event::{Event, Fate};
pub use list::{sieve, sifted};
pub use mass::Mass;
pub use state::TaskList;

use std::sync::Arc;

use imbl::OrdMap;
use pages::Pages;

use crate::{
    actor::{Actor, Decision, Effects, Kept, Moment, PageJson},
    message::{
        call::Call,
        event::Fact,
        key::Key,
        rejection::Rejection,
        sync::Item,
        task::{
            Task,
            command::{Command, Reply},
            query::{Answer, Query},
        },
        time::Timestamp,
    },
};
use work::Work;

/// Most open tasks of a user.
pub const TASKS_MAX: usize = 10_000;
/// Most reminders that lie ahead, of a user.
pub const REMINDERS_MAX: usize = 10_000;
/// Most rules of a user that have not ended.
pub const RULES_MAX: usize = 1_000;
/// Most reminders that lie ahead, on one task.
pub const TASK_REMINDERS_MAX: usize = 20;
/// Most operations of a batch.
pub const BATCH_MAX: usize = 100;

impl Actor for TaskList {
    type Command = Command;
    type Reply = Reply;
    type Event = Event;
    type Query = Query;
    type Answer = Answer;

    fn decide(&self, call: &Call<Command>, at: &Moment<'_>) -> Result<Decision<Self>, Rejection> {
        let mut work = Work::new(self, at, call.id);
        let reply = command(&mut work, &call.command)?;
        Ok(Decision { reply, effects: work.finish() })
    }

    fn wake(&self, alarm: Timestamp, at: &Moment<'_>) -> Effects<Self> {
        let mut work = Work::new(self, at, at.key.uuid());
        retire::retire(&mut work, alarm);
        mass::go_on(&mut work, alarm);
        work.finish()
    }

    fn receive(&self, from: &Key, items: &[Item], at: &Moment<'_>) -> Effects<Self> {
        let mut work = Work::new(self, at, at.key.uuid());
        ring::receive(&mut work, from, items);
        work.finish()
    }

    fn evolve(&mut self, event: &Event, at: &Moment<'_>) {
        self.apply(event, at);
    }

    fn alarm(&self) -> Option<Timestamp> {
        retire::alarm(self)
    }

    fn answer(&self, query: &Query, at: &Moment<'_>) -> Result<Answer, Rejection> {
        ask::answer(self, query, at)
    }

    fn fact(event: &Event, _at: &Moment<'_>) -> Option<Fact> {
        fact::fact(event)
    }

    fn pages(&self, page: &mut dyn FnMut(&Kept, PageJson<'_>)) {
        self.each_page(page);
    }

    fn unpaged(&self) -> Self {
        Self { tasks: OrdMap::default(), pages: Pages::default(), ..self.clone() }
    }

    fn add_page(&mut self, json: &[u8]) -> serde_json::Result<()> {
        let tasks: Vec<Arc<Task>> = serde_json::from_slice(json)?;
        tasks.into_iter().for_each(|task| self.restore(task));
        Ok(())
    }

    fn share(&self, reply: &mut Reply) {
        match reply {
            Reply::Task(done) => {
                self.share_task(&mut done.task);
                done.next.iter_mut().for_each(|next| self.share_task(next));
            }
            Reply::Batch(all) => {
                all.shrink_to_fit();
                all.iter_mut().flatten().for_each(|one| self.share(one));
            }
            Reply::Undone(Some(task)) => self.share_task(task),
            _ => {}
        }
    }
}

fn command(work: &mut Work<'_>, command: &Command) -> Result<Reply, Rejection> {
    match command {
        Command::One { operation } => batch::operation(work, operation).map(Reply::Task),
        Command::Batch { atomic, operations } => batch::batch(work, *atomic, operations),
        Command::Tag { task, tag, on, expect } => tags::tag(work, *task, tag, *on, *expect),
        Command::CreateTag { tag } => tags::create(work, tag),
        Command::RenameTag { tag, to, merge } => tags::rename(work, tag, to, *merge),
        Command::DeleteTag { tag, force } => tags::delete(work, tag, *force),
        Command::Arrange { tasks } => order::arrange(work, tasks),
        Command::SetRecurrence { task, rule, expect } => {
            series::set(work, *task, rule, *expect).map(Reply::Task)
        }
        Command::CancelRecurrence { task, expect } => {
            series::unset(work, *task, *expect).map(Reply::Task)
        }
        Command::CreateSeries { draft } => series::create(work, draft),
        Command::EditSeries { series, patch, expect } => {
            series::edit(work, *series, patch, *expect)
        }
        Command::CancelSeries { series, expect } => series::cancel(work, *series, *expect),
        Command::PauseSeries { series, expect } => series::pause(work, *series, *expect),
        Command::ResumeSeries { series, expect } => series::resume(work, *series, *expect),
        Command::SkipOccurrence { series, occurrence, expect } => {
            series::skip(work, *series, *occurrence, *expect)
        }
        Command::SetReminder { task, draft } => remind::set(work, *task, draft),
        Command::ChangeReminder { reminder, at, channels, expect } => {
            remind::change(work, *reminder, *at, channels.as_deref(), *expect)
        }
        Command::DeleteReminder { reminder, expect } => remind::delete(work, *reminder, *expect),
        Command::Configure { patch } => settings::configure(work, patch),
        Command::Undo { undo } => undo::undo(work, undo),
        Command::Import { replace, dry_run, tasks, series, tags, settings } => {
            let file = import::File { tasks, series, tags, settings: settings.as_ref() };
            let mode = if *replace { import::Known::Replace } else { import::Known::Skip };
            let imported = if *dry_run {
                let mut rehearsal = work.rehearsal();
                import::import(&mut rehearsal, mode, &file)
            } else {
                import::import(work, mode, &file)
            };
            Ok(Reply::Imported(imported))
        }
    }
}
