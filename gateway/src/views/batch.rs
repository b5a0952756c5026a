//! What a batch of facts adds to the views, worked out beside the database: it is asked once for what it knows, and
//! told once what is new.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use actors::message::time::Timestamp;
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use super::{
    Fresh, audit, deliveries,
    fact::{Fact, Stream},
    message, pending, search,
};

/// What the database knows of the streams, events and users of a batch.
#[derive(Default)]
pub(super) struct Known {
    /// The newest applied place of each stream.
    pub(super) marks: BTreeMap<Stream, (i64, i64)>,
    /// Events that are in the trail.
    pub(super) events: BTreeSet<String>,
    /// The end of each user's chain.
    pub(super) audited: BTreeMap<String, (i64, String)>,
    /// The end of each user's messages, and the newest change of the list among them.
    pub(super) messages: BTreeMap<String, (i64, i64)>,
    /// The active webhooks of each user: id and types.
    pub(super) webhooks: BTreeMap<String, Vec<(String, String)>>,
}

/// A message as it is written.
pub(super) struct MessageRow<'a> {
    pub(super) user: &'a str,
    pub(super) ordinal: i64,
    pub(super) event_id: String,
    pub(super) kind: &'a str,
    pub(super) happened_at: i64,
    pub(super) body: String,
}

/// A task that leaves the list, as it is then.
pub(super) struct ArchivedRow<'a> {
    pub(super) user: &'a str,
    pub(super) task_id: String,
    pub(super) number: i64,
    pub(super) body: String,
    pub(super) archived_at: i64,
}

/// A delivery to be queued.
pub(super) struct DeliveryRow<'a> {
    pub(super) to: deliveries::Queued,
    pub(super) fact: &'a Fact<'a>,
    pub(super) body: String,
}

/// The rows that a batch adds, and what they end in.
#[derive(Default)]
pub(super) struct Batch<'a> {
    pub(super) marks: BTreeMap<Stream, (i64, i64)>,
    pub(super) audit: Vec<(&'a Fact<'a>, audit::Row)>,
    pub(super) messages: Vec<MessageRow<'a>>,
    pub(super) message_heads: BTreeMap<&'a str, (i64, i64)>,
    pub(super) archived: Vec<ArchivedRow<'a>>,
    /// Each task as it is last in the batch.
    pub(super) tasks: search::Tasks<'a>,
    pub(super) deliveries: Vec<DeliveryRow<'a>>,
    /// When each reminder fires next and each rule rings, and whose it is.
    pub(super) due: BTreeMap<&'a str, (&'a str, pending::Due<'a>)>,
    /// What there is new to show, and to whom.
    pub(super) fresh: Vec<Fresh>,
}

impl<'a> Batch<'a> {
    /// What these facts add, in order, to what is known; what was applied before adds nothing.
    pub(super) fn of(facts: &'a [Fact<'a>], mut known: Known, now: Timestamp) -> Self {
        let mut batch = Self::default();
        for fact in facts {
            if !batch.is_new(fact, &mut known) {
                continue;
            }
            batch.audit(fact, &mut known, now);
            let task = fact.is_of_task().then(|| message::task(&fact.event.data));
            let json =
                task.as_ref().map(|task| to_raw_value(task).expect("JSON values are written"));
            batch.say(fact, &known, json.as_deref());
            let is_ours = fact.event.actor.is_some();
            if let Some((task, json)) =
                task.zip(json).filter(|(task, _)| is_ours && task.get("title").is_some())
            {
                batch.take_task(fact, &task, json);
            }
            if let Some(due) = pending::of(fact) {
                batch.due.insert(due.subject, (fact.user, due));
            }
            batch.queue(fact, &known);
        }
        batch
    }

    /// Whether a fact is above its stream's mark, which then stands at it, and not in the trail.
    fn is_new(&mut self, fact: &Fact<'_>, known: &mut Known) -> bool {
        if let Some(stream) = fact.stream() {
            let place = (fact.sequence, fact.ordinal);
            if known.marks.get(&stream).is_some_and(|mark| *mark >= place) {
                return false;
            }
            known.marks.insert(stream.clone(), place);
            self.marks.insert(stream, place);
        }
        known.events.insert(fact.event.id.clone())
    }

    fn audit(&mut self, fact: &'a Fact<'a>, known: &mut Known, now: Timestamp) {
        let head = known.audited.remove(fact.user);
        let row = audit::Row::next(head, fact.event, fact.user, fact.happened_at, now);
        known.audited.insert(fact.user.to_owned(), (row.ordinal, row.hash.clone()));
        self.audit.push((fact, row));
    }

    /// What screens are told of it.
    fn say(&mut self, fact: &'a Fact<'a>, known: &Known, task: Option<&RawValue>) {
        for draft in message::of(fact) {
            let before = known.messages.get(fact.user).copied().unwrap_or_default();
            let (ordinal, list) = self.message_heads.entry(fact.user).or_insert(before);
            *ordinal += 1;
            *list = fact.list_sequence().max(*list);
            let body = draft.body(*list, task);
            let message = message::Message::new(*ordinal, draft.kind.to_owned(), &body);
            self.fresh.push(Fresh { user: fact.user.to_owned(), message });
            self.messages.push(MessageRow {
                user: fact.user,
                ordinal: *ordinal,
                event_id: draft.event_id.into_owned(),
                kind: draft.kind,
                happened_at: fact.happened_at,
                body,
            });
        }
    }

    /// The task of a fact, to be found as it is now, and kept where it leaves the list.
    fn take_task(&mut self, fact: &'a Fact<'a>, task: &Value, json: Box<RawValue>) {
        let leaves = fact.event.kind == "task.archived";
        let row = search::Row::new(fact.user, task, Box::<str>::from(json).into(), leaves);
        if leaves {
            self.archived.push(ArchivedRow {
                user: fact.user,
                task_id: row.task_id.clone(),
                number: task["number"].as_i64().unwrap_or_default(),
                body: row.body.clone(),
                archived_at: fact.happened_at,
            });
        }
        match self.tasks.entry((fact.user, row.task_id.clone())) {
            Entry::Occupied(mut held) if held.get().version <= row.version => {
                held.insert(row);
            }
            Entry::Occupied(_) => {}
            Entry::Vacant(free) => {
                free.insert(row);
            }
        }
    }

    /// The endpoints that are told of it.
    fn queue(&mut self, fact: &'a Fact<'a>, known: &Known) {
        let webhooks = known.webhooks.get(fact.user).map_or(&[][..], Vec::as_slice);
        let queued = deliveries::of(fact, webhooks);
        if queued.is_empty() {
            return;
        }
        let body = deliveries::body(fact.event);
        let rows = queued.into_iter().map(|to| DeliveryRow { to, fact, body: body.clone() });
        self.deliveries.extend(rows);
    }
}
