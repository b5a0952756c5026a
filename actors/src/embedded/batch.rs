//! One transaction's worth of writes, put to SQLite in few calls.
//!
//! A call to the connection's thread costs far more than a row (see benches/embedded.rs). So writes
//! of one shape are joined into texts of up to 32 writes, each text prepared once; a batch that is a
//! single write carries BEGIN and COMMIT in the same text. SQLite tells of each statement how many
//! rows it changed, and so of each write whether it was refused; what hangs on a write asks
//! `changes()` for the same.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use sqlx::{
    Arguments, AssertSqlSafe, Either, Executor, SqlSafeStr, SqlStr, SqliteConnection,
    sqlite::SqliteArguments,
};

/// Most writes in one text; texts are made for powers of two.
const TEXT_WRITES_MAX: usize = 32;

/// A write with the numbers that the writer has given it.
#[derive(Debug)]
pub(super) enum Row {
    /// A new actor.
    Actor { id: i64, key: String },
    /// A slot, and what hangs on it.
    Slot(SlotRow),
    /// A snapshot.
    Snap { actor: i64, etag: i64, state: Vec<u8>, expect: Option<i64> },
    /// An alarm.
    Arm { moment: i64, actor: i64, arming: i64 },
    /// An alarm that has done its work.
    Disarm { moment: i64, actor: i64, arming: i64 },
    /// The events of one turn, unless they are in the log.
    Publish { actor: i64, sequence: i64, log: LogRow },
    /// Log rows up to an offset, at most so many.
    Trim { through: i64, limit: i64 },
}

/// One slot to be written.
#[derive(Debug)]
pub(super) struct SlotRow {
    pub(super) actor: i64,
    pub(super) index: i64,
    pub(super) etag: i64,
    pub(super) entry: Vec<u8>,
    pub(super) expect: Option<i64>,
    pub(super) alarm: Option<i64>,
    pub(super) arming: i64,
    pub(super) log: Option<LogRow>,
    /// The turn whose events `log` holds; 0 without.
    pub(super) logged: i64,
}

/// The events of one turn.
#[derive(Debug)]
pub(super) struct LogRow {
    pub(super) offset: i64,
    pub(super) events: Vec<u8>,
}

/// Which statements a write needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Shape {
    Actor,
    Slot { next: bool, alarm: bool, log: bool },
    Snap { next: bool },
    Arm,
    Disarm,
    Publish,
    Trim,
}

impl Row {
    fn shape(&self) -> Shape {
        match self {
            Self::Actor { .. } => Shape::Actor,
            Self::Slot(row) => Shape::Slot {
                next: row.expect.is_some(),
                alarm: row.alarm.is_some(),
                log: row.log.is_some(),
            },
            Self::Snap { expect, .. } => Shape::Snap { next: expect.is_some() },
            Self::Arm { .. } => Shape::Arm,
            Self::Disarm { .. } => Shape::Disarm,
            Self::Publish { .. } => Shape::Publish,
            Self::Trim { .. } => Shape::Trim,
        }
    }
}

impl Shape {
    fn statements(self) -> Vec<&'static str> {
        match self {
            Self::Actor => vec!["INSERT INTO actor (id, key) VALUES (?, ?)"],
            Self::Slot { next, alarm, log } => {
                let mut all = vec![if next {
                    "UPDATE slot SET etag = ?, logged = max(logged, ?), entry = ? \
                     WHERE id = ? AND etag = ?"
                } else {
                    "INSERT OR IGNORE INTO slot (etag, logged, entry, id) VALUES (?, ?, ?, ?)"
                }];
                if alarm {
                    all.push(
                        "INSERT INTO alarm (moment, actor, arming) SELECT ?, ?, ? \
                         WHERE changes() > 0 \
                         ON CONFLICT (moment, actor) DO UPDATE SET arming = excluded.arming",
                    );
                }
                if log {
                    all.push("INSERT INTO log (offset, events) SELECT ?, ? WHERE changes() > 0");
                }
                all
            }
            Self::Snap { next: false } => {
                vec!["INSERT OR IGNORE INTO snap (etag, state, actor) VALUES (?, ?, ?)"]
            }
            Self::Snap { next: true } => {
                vec!["UPDATE snap SET etag = ?, state = ? WHERE actor = ? AND etag = ?"]
            }
            Self::Arm => vec![
                "INSERT INTO alarm (moment, actor, arming) VALUES (?, ?, ?) \
                 ON CONFLICT (moment, actor) DO UPDATE SET arming = excluded.arming",
            ],
            Self::Disarm => {
                vec!["DELETE FROM alarm WHERE moment = ? AND actor = ? AND arming = ?"]
            }
            Self::Publish => vec![
                "INSERT INTO log (offset, events) SELECT ?, ? WHERE NOT EXISTS \
                 (SELECT 1 FROM slot WHERE id BETWEEN ? AND ? AND logged >= ?)",
                "UPDATE slot SET logged = max(logged, ?) WHERE id = ?",
            ],
            // The newest row stays, so that offsets go on from it.
            Self::Trim => vec![
                "DELETE FROM log WHERE offset IN (SELECT offset FROM log WHERE offset <= ? \
                 AND offset < (SELECT max(offset) FROM log) ORDER BY offset LIMIT ?)",
            ],
        }
    }
}

/// The statements' texts, made once each.
#[derive(Debug, Default)]
pub(super) struct Texts(HashMap<(Shape, usize, bool), SqlStr>);

impl Texts {
    fn get(&mut self, shape: Shape, writes: usize, whole: bool) -> SqlStr {
        let make = || {
            let mut all = shape.statements().repeat(writes);
            if whole {
                all.insert(0, "BEGIN IMMEDIATE");
                all.push("COMMIT");
            }
            AssertSqlSafe(all.join("; ")).into_sql_str()
        };
        self.0.entry((shape, writes, whole)).or_insert_with(make).clone()
    }
}

/// Commits all rows in one transaction; says of each whether its first statement changed anything. After an error
/// nothing was committed, unless the error is COMMIT's own.
pub(super) async fn commit(
    conn: &mut SqliteConnection,
    texts: &mut Texts,
    rows: Vec<Row>,
) -> Result<Vec<bool>, sqlx::Error> {
    if rows.len() == 1 {
        return put(conn, texts, rows, true).await;
    }
    let mut changed = vec![false; rows.len()];
    let mut shapes: Vec<(Shape, Vec<(usize, Row)>)> = Vec::new();
    for (at, row) in rows.into_iter().enumerate() {
        let shape = row.shape();
        match shapes.iter_mut().find(|(known, _)| *known == shape) {
            Some((_, same)) => same.push((at, row)),
            None => shapes.push((shape, vec![(at, row)])),
        }
    }
    run(conn, SqlStr::from_static("BEGIN IMMEDIATE"), SqliteArguments::default()).await?;
    for (_, same) in shapes {
        let mut same = same.into_iter();
        while same.len() > 0 {
            let writes = (1usize << same.len().ilog2()).min(TEXT_WRITES_MAX);
            let (at, rows): (Vec<_>, Vec<_>) = same.by_ref().take(writes).unzip();
            for (at, did) in at.into_iter().zip(put(conn, texts, rows, false).await?) {
                changed[at] = did;
            }
        }
    }
    run(conn, SqlStr::from_static("COMMIT"), SqliteArguments::default()).await?;
    Ok(changed)
}

/// Puts rows of one shape, in one call.
async fn put(
    conn: &mut SqliteConnection,
    texts: &mut Texts,
    rows: Vec<Row>,
    whole: bool,
) -> Result<Vec<bool>, sqlx::Error> {
    let Some(shape) = rows.first().map(Row::shape) else { return Ok(Vec::new()) };
    let text = texts.get(shape, rows.len(), whole);
    let mut arguments = SqliteArguments::default();
    for row in rows {
        bind(&mut arguments, row).map_err(sqlx::Error::Encode)?;
    }
    let counts = run(conn, text, arguments).await?;
    let counts = if whole { &counts[1..counts.len() - 1] } else { &counts[..] };
    let statements = shape.statements().len();
    Ok(counts.iter().step_by(statements).map(|changes| *changes > 0).collect())
}

fn bind(to: &mut SqliteArguments, row: Row) -> Result<(), sqlx::error::BoxDynError> {
    match row {
        Row::Actor { id, key } => {
            to.add(id)?;
            to.add(key)?;
        }
        Row::Slot(row) => {
            let id = slot_id(row.actor, row.index);
            to.add(row.etag)?;
            to.add(row.logged)?;
            to.add(row.entry)?;
            to.add(id)?;
            if let Some(expect) = row.expect {
                to.add(expect)?;
            }
            if let Some(moment) = row.alarm {
                bind_all(to, [moment, row.actor, row.arming])?;
            }
            if let Some(log) = row.log {
                to.add(log.offset)?;
                to.add(log.events)?;
            }
        }
        Row::Snap { actor, etag, state, expect } => {
            to.add(etag)?;
            to.add(state)?;
            to.add(actor)?;
            if let Some(expect) = expect {
                to.add(expect)?;
            }
        }
        Row::Arm { moment, actor, arming } | Row::Disarm { moment, actor, arming } => {
            bind_all(to, [moment, actor, arming])?;
        }
        Row::Publish { actor, sequence, log } => {
            to.add(log.offset)?;
            to.add(log.events)?;
            bind_all(to, [slot_id(actor, 0), slot_id(actor, 63), sequence, sequence])?;
            to.add(slot_id(actor, sequence & 63))?;
        }
        Row::Trim { through, limit } => bind_all(to, [through, limit])?,
    }
    Ok(())
}

fn bind_all<const N: usize>(
    to: &mut SqliteArguments,
    values: [i64; N],
) -> Result<(), sqlx::error::BoxDynError> {
    values.into_iter().try_for_each(|value| to.add(value))
}

fn slot_id(actor: i64, index: i64) -> i64 {
    actor * 64 + index
}

/// Runs the statements of a text; says how many rows each changed.
async fn run(
    conn: &mut SqliteConnection,
    text: SqlStr,
    arguments: SqliteArguments,
) -> Result<Vec<u64>, sqlx::Error> {
    let mut counts = Vec::new();
    let mut results = conn.fetch_many(sqlx::query_with(text, arguments));
    while let Some(result) = results.try_next().await? {
        if let Either::Left(done) = result {
            counts.push(done.rows_affected());
        }
    }
    Ok(counts)
}
