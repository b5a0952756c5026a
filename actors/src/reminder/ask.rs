//! What can be read of reminders and the inbox, page by page.

use uuid::Uuid;

use super::{
    INBOX_MAX, Reminders,
    cursor::{self, Page},
    record::Record,
};
use crate::{
    actor::Moment,
    message::{
        rejection::Rejection,
        reminder::{Answer, Query, Status},
        time::Timestamp,
    },
};

/// Most reminders on a page.
pub(super) const LIST_MAX: usize = 500;

/// Which reminders a list shows.
struct Filter<'a> {
    status: &'a [Status],
    task: Option<Uuid>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Reminders {
    /// Answers a question.
    pub(super) fn ask(&self, query: &Query, at: &Moment<'_>) -> Result<Answer, Rejection> {
        match query {
            Query::Reminder { reminder } => self
                .records
                .get(*reminder)
                .map(|record| Answer::Reminder(Box::new(record.reminder.clone())))
                .ok_or_else(Rejection::not_found),
            Query::List { status, task, from, to, limit, cursor } => {
                let filter = Filter { status, task: *task, from: *from, to: *to };
                self.list(&filter, *limit, cursor.as_deref(), at)
            }
            Query::Inbox { unread, limit, cursor } => {
                self.page_of_inbox(*unread, *limit, cursor.as_deref())
            }
            Query::Everything => Ok(Answer::Everything(
                self.records.all().map(|record| record.reminder.clone()).collect(),
            )),
        }
    }

    fn list(
        &self,
        filter: &Filter<'_>,
        limit: usize,
        cursor: Option<&str>,
        at: &Moment<'_>,
    ) -> Result<Answer, Rejection> {
        let limit = limit.clamp(1, LIST_MAX);
        let name = filter.name();
        let after = cursor.map(|text| Page::read(text, &name)).transpose()?;
        let began = after.map_or(at.sequence, |page| page.began);
        let rows = self.matching(filter);
        let is_left = |record: &&Record| match after {
            Some(page) => place(record) > page.last && record.changed <= began,
            None => true,
        };
        let mut left = rows.iter().copied().filter(is_left);
        let page: Vec<&Record> = left.by_ref().take(limit).collect();
        let next = match (page.last(), left.next()) {
            (Some(last), Some(_)) => Some(Page { last: place(last), began }.write(&name)),
            _ => None,
        };
        let reminders = page.into_iter().map(|record| record.reminder.clone()).collect();
        Ok(Answer::List { reminders, count: rows.len(), next })
    }

    /// Every reminder that the filter lets through, soonest first.
    fn matching(&self, filter: &Filter<'_>) -> Vec<&Record> {
        let from = filter.from.unwrap_or(Timestamp(i64::MIN));
        let to = filter.to.unwrap_or(Timestamp(i64::MAX));
        let fits = |record: &&Record| {
            let it = &record.reminder;
            (filter.status.is_empty() || filter.status.contains(&it.status))
                && filter.task.is_none_or(|task| task == it.task_id)
                && (from..=to).contains(&it.remind_at)
        };
        if let Some(task) = filter.task {
            let mut rows: Vec<&Record> =
                self.records.of_task(task).map(AsRef::as_ref).filter(fits).collect();
            rows.sort_by_key(|record| place(record));
            return rows;
        }
        if filter.status == [Status::Pending] {
            return self.records.pending_between(from..=to).map(AsRef::as_ref).collect();
        }
        self.records.between(from..=to).map(AsRef::as_ref).filter(fits).collect()
    }

    fn page_of_inbox(
        &self,
        unread: bool,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Answer, Rejection> {
        let limit = limit.clamp(1, INBOX_MAX);
        let name = if unread { "inbox unread" } else { "inbox" };
        let below = cursor.map_or(Ok(u64::MAX), |text| cursor::read_serial(text, name))?;
        let mut left = self
            .inbox
            .below(below)
            .filter(|(_, entry)| !unread || entry.read_at.is_none())
            .peekable();
        let mut notifications = Vec::new();
        let mut last = None;
        while let Some((serial, entry)) = left.next_if(|_| notifications.len() < limit) {
            notifications.push(entry.as_ref().clone());
            last = Some(serial);
        }
        let more = left.peek().is_some();
        let next = last.filter(|_| more).map(|serial| cursor::write_serial(serial, name));
        Ok(Answer::Inbox { notifications, unread: self.inbox.unread(), next })
    }
}

impl Filter<'_> {
    /// The filter as a name for cursors: the same for the same filter.
    fn name(&self) -> String {
        let mut status: Vec<String> =
            self.status.iter().map(|status| format!("{status:?}")).collect();
        status.sort();
        status.dedup();
        format!("reminders {status:?} {:?} {:?} {:?}", self.task, self.from, self.to)
    }
}

/// Where a reminder stands in a list: by moment, then by id.
fn place(record: &Record) -> (Timestamp, Uuid) {
    (record.reminder.remind_at, record.reminder.id)
}
