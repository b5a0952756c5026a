//! One operation on a task, and several in one turn.

use super::{
    complete, edit, order,
    work::{Work, invalid, operation_id},
};
use crate::message::{
    fault::Code,
    rejection::{Rejection, Slug},
    task::{
        Status,
        command::{Done, Operation, Reply},
    },
};

/// Judges and does one operation.
pub(super) fn operation(work: &mut Work<'_>, operation: &Operation) -> Result<Done, Rejection> {
    match operation {
        Operation::Create { draft } => edit::create(work, draft),
        Operation::Edit { task, patch, scope, expect } => {
            let task = work.find(*task, *expect)?;
            edit::edit(work, &task, patch, *scope)
        }
        Operation::Complete { task, expect } => {
            let task = work.find(*task, *expect)?;
            complete::complete(work, &task)
        }
        Operation::Reopen { task, expect } => {
            let task = work.find(*task, *expect)?;
            complete::reopen(work, &task, Status::Pending)
        }
        Operation::Toggle { task, expect } => {
            let task = work.find(*task, *expect)?;
            match task.status {
                Status::Completed => complete::reopen(work, &task, Status::Pending),
                _ => complete::complete(work, &task),
            }
        }
        Operation::Restore { task, expect } => complete::restore(work, *task, *expect),
        Operation::Skip { task, expect } => {
            let task = work.find(*task, *expect)?;
            complete::skip(work, &task)
        }
        Operation::Move { task, place, expect } => {
            let task = work.find(*task, *expect)?;
            order::place(work, &task, *place)
        }
        Operation::Delete { task, scope, expect } => {
            let task = work.find(*task, *expect)?;
            Ok(complete::delete(work, &task, *scope))
        }
    }
}

/// Several operations in order; each sees what those before it did. Atomic: all or none.
pub(super) fn batch(
    work: &mut Work<'_>,
    atomic: bool,
    operations: &[Operation],
) -> Result<Reply, Rejection> {
    if operations.is_empty() || operations.len() > super::BATCH_MAX {
        return Err(invalid("/operations", Code::OutOfRange, "A batch has 1 to 100 operations."));
    }
    let call = work.id;
    let start = work.mark();
    let mut results = Vec::with_capacity(operations.len());
    for (index, one) in operations.iter().enumerate() {
        work.id = operation_id(call, index);
        work.minted = 0;
        let mark = work.mark();
        let result = operation(work, one).map(Reply::Task);
        if result.is_err() {
            work.back_to(mark);
        }
        results.push(result);
    }
    work.id = call;
    if atomic && results.iter().any(Result::is_err) {
        work.back_to(start);
        let failed = results.iter().filter(|result| result.is_err()).count();
        let detail =
            format!("{failed} of {} operations failed; nothing was changed.", results.len());
        let mut no = Rejection::new(Slug::BatchRejected, detail);
        no.results = results;
        return Err(no);
    }
    Ok(Reply::Batch(results))
}
