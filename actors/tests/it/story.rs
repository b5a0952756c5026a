//! The three actors in one process, over the embedded host: what a user does with them, and what is left after a restart.

use std::{path::Path, sync::Arc, time::Duration};

use actors::{
    Actors,
    embedded::{Clock, Embedded, Options},
    message::{
        call::{By, Call, Caller},
        event::Event,
        key::UserId,
        reminder::{self, Reminder},
        task::{
            Status, Task,
            command::{Change, Command, Operation, Patch, ReminderAt, ReminderDraft, Reply},
            command::{SeriesDraft, TaskRef, When},
            query::{Answer, List, Query},
        },
        text::Title,
        time::{Local, Timestamp},
    },
    recurrence::rule::{Mode, Rule},
};
use tempfile::TempDir;
use uuid::Uuid;

const DAY_MS: i64 = 86_400_000;
const WAIT: Duration = Duration::from_secs(10);

struct House {
    dir: TempDir,
    embedded: Embedded,
    actors: Actors,
    ann: UserId,
    calls: u128,
}

async fn open(dir: &Path, clock: Clock) -> Embedded {
    let options = Options { dir: dir.to_owned(), default_zone: chrono_tz::UTC, clock };
    Embedded::open(&options).await.unwrap()
}

impl House {
    async fn build(clock: Clock) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let embedded = open(dir.path(), clock).await;
        let actors = Actors::Embedded(embedded.clone());
        Self { dir, embedded, actors, ann: UserId::parse("ann").unwrap(), calls: 0 }
    }

    /// Closes it and opens it again, under this clock.
    async fn restart(self, clock: Clock) -> Self {
        self.actors.close(WAIT).await;
        let embedded = open(self.dir.path(), clock).await;
        Self { actors: Actors::Embedded(embedded.clone()), embedded, ..self }
    }

    fn call<C>(&mut self, command: C) -> Call<C> {
        self.calls += 1;
        let by = By { kind: Caller::User, id: "ann".to_owned() };
        let id = Uuid::from_u128(self.calls);
        Call { id, idempotency: None, by, traceparent: None, command }
    }

    async fn ask(&mut self, command: Command) -> (Reply, u64) {
        let call = self.call(command);
        let done = self.actors.tasks(&self.ann, call).await.unwrap();
        (done.reply, done.version)
    }

    async fn create(&mut self, draft: Patch) -> (Arc<Task>, u64) {
        let operation = Operation::Create { draft: Box::new(draft) };
        match self.ask(Command::One { operation }).await {
            (Reply::Task(done), version) => (done.task, version),
            (other, _) => panic!("{other:?}"),
        }
    }

    async fn tasks(&self, version: u64) -> Vec<Arc<Task>> {
        let list = List { limit: 100, ..List::default() };
        let query = Query::List { list: Box::new(list) };
        match self.actors.ask_tasks(&self.ann, query, version).await.unwrap().answer {
            Answer::List { tasks, .. } => tasks,
            other => panic!("{other:?}"),
        }
    }

    /// The only reminder, as it is once the list's `version` is known there.
    async fn reminder(&self, version: u64) -> Reminder {
        let query = reminder::Query::Everything;
        match self.actors.ask_reminders(&self.ann, query, version).await.unwrap().answer {
            reminder::Answer::Everything(mut all) if all.len() == 1 => all.remove(0),
            other => panic!("{other:?}"),
        }
    }

    /// Waits until so many events of this type are in the log.
    async fn logged_times(&self, kind: &str, times: usize) -> Vec<Event> {
        let mut newest = self.embedded.newest();
        let found = async {
            loop {
                newest.borrow_and_update();
                let log = self.embedded.log(0, 1_000).await.unwrap();
                let events = log.into_iter().map(|(_, event)| event.unwrap());
                let found: Vec<_> = events.filter(|event| event.fact.kind == kind).collect();
                if found.len() >= times {
                    return found;
                }
                newest.changed().await.unwrap();
            }
        };
        let found = tokio::time::timeout(WAIT, found).await;
        found.unwrap_or_else(|_| panic!("not {times} times {kind} in the log"))
    }

    async fn logged(&self, kind: &str) -> Event {
        self.logged_times(kind, 1).await.remove(0)
    }

    async fn times_logged(&self, kind: &str) -> usize {
        let log = self.embedded.log(0, 1_000).await.unwrap();
        log.iter().filter(|(_, event)| event.as_ref().unwrap().fact.kind == kind).count()
    }
}

fn instant(at: Timestamp) -> When {
    When::Instant(at.utc())
}

fn remind(at: Timestamp) -> ReminderDraft {
    let at = ReminderAt::Moment(instant(at));
    ReminderDraft { id: None, at, channels: None, webhook_url: None, email_address: None }
}

fn daily(title: &str, due: Timestamp, reminder: Timestamp) -> Patch {
    Patch {
        title: Some(Title::parse(title).unwrap()),
        due: Change::Set(instant(due)),
        recurrence: Change::Set(Arc::new(Rule::daily(1))),
        reminders: Change::Set(vec![remind(reminder)]),
        ..Patch::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_remembered_completed_and_followed_by_the_next() {
    let mut house = House::build(Clock::real()).await;
    let now = house.actors.now();
    let (due, moment) = (now.plus(DAY_MS), now.plus(1_000));
    let (task, version) = house.create(daily("water the plants", due, moment)).await;
    let set = house.reminder(version).await;
    assert_eq!((set.task_id, set.remind_at), (task.id, moment));
    assert_eq!(set.status, reminder::Status::Pending);

    let fired = house.logged("reminder.triggered").await;
    let late = fired.time.0 - moment.0;
    assert!((0..500).contains(&late), "fired {late} ms after its moment");
    let fired = house.reminder(version).await;
    assert_eq!(fired.status, reminder::Status::Triggered);
    assert!(!fired.late);

    let complete = Operation::Complete { task: TaskRef::Id(task.id), expect: None };
    let (reply, version) = house.ask(Command::One { operation: complete }).await;
    let Reply::Task(done) = reply else { panic!("{reply:?}") };
    let next = done.next.expect("a daily task has a next one");
    assert_eq!(done.task.status, Status::Completed);
    assert_eq!(next.title, task.title);

    let house = house.restart(Clock::real()).await;
    let mut tasks = house.tasks(version).await;
    tasks.sort_by_key(|task| task.number);
    assert_eq!(tasks, [done.task, next]);
    assert_eq!(house.reminder(version).await.triggered_at, fired.triggered_at);
    assert_eq!(house.times_logged("reminder.triggered").await, 1);
    assert_eq!(house.times_logged("task.created").await, 2);
    house.actors.close(WAIT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reminder_due_while_nothing_ran_fires_once_and_is_marked_late() {
    let mut house = House::build(Clock::real()).await;
    let moment = house.actors.now().plus(3_600_000);
    let (_, version) = house.create(daily("call the dentist", moment, moment)).await;
    house.reminder(version).await;
    let later = Clock::settable();
    later.advance(2 * 3_600_000);
    let house = house.restart(later.clone()).await;
    house.logged("reminder.triggered").await;
    let fired = house.reminder(version).await;
    assert!(fired.late);
    let house = house.restart(later).await;
    assert_eq!(house.reminder(version).await, fired);
    assert_eq!(house.times_logged("reminder.triggered").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_on_a_schedule_makes_its_tasks_as_days_pass() {
    let clock = Clock::settable();
    let mut house = House::build(clock.clone()).await;
    // A wall clock has whole seconds.
    let start = Timestamp(house.actors.now().0 / 1_000 * 1_000 + 3_600_000);
    let draft = SeriesDraft {
        rule: Arc::new(Rule::daily(1).with_mode(Mode::Schedule)),
        start: When::Local(Local::Moment(start.local(chrono_tz::UTC))),
        zone: None,
        task: Patch { title: Some(Title::parse("stand-up").unwrap()), ..Patch::default() },
    };
    house.ask(Command::CreateSeries { draft: Box::new(draft) }).await;
    house.logged("recurrence.started").await;
    clock.advance(2 * 3_600_000 + 2 * DAY_MS);
    let made = house.logged_times("task.created", 3).await;
    // The log may know of a turn a moment before memory shows it; its sequence is what a reader has seen.
    let tasks = house.tasks(made[2].sequence).await;
    assert_eq!(tasks.len(), 3);
    let mut dues: Vec<_> = tasks.iter().map(|task| task.occurrence).collect();
    dues.sort();
    dues.dedup();
    assert_eq!(dues.len(), tasks.len(), "no occurrence is made twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_users_at_once_each_see_their_own_writes() {
    let house = House::build(Clock::real()).await;
    let users = (0..50).map(|at| {
        let actors = house.actors.clone();
        tokio::spawn(async move {
            let user = UserId::parse(&format!("user {at}")).unwrap();
            for task in 0..20 {
                let title = Some(Title::parse(&format!("task {task}")).unwrap());
                let draft = Box::new(Patch { title, ..Patch::default() });
                let command = Command::One { operation: Operation::Create { draft } };
                let id = Uuid::from_u128(at << 64 | task);
                let by = By { kind: Caller::User, id: user.to_string() };
                let call = Call { id, idempotency: None, by, traceparent: None, command };
                let done = actors.tasks(&user, call).await.unwrap();
                let counts = actors.ask_tasks(&user, Query::Counts, done.version).await.unwrap();
                assert!(counts.version >= done.version);
                let Answer::Counts { total, .. } = counts.answer else { panic!("{counts:?}") };
                assert_eq!(total as u128, task + 1);
            }
        })
    });
    for user in users.collect::<Vec<_>>() {
        user.await.unwrap();
    }
    house.actors.close(WAIT).await;
}
