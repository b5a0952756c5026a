//! Undo: a compensating change.

use super::work::Work;
use crate::message::{
    rejection::{Rejection, Slug},
    task::command::{Reply, Undo},
};

pub(super) fn undo(_work: &mut Work<'_>, _undo: &Undo) -> Result<Reply, Rejection> {
    Err(Rejection::new(Slug::CannotUndo, "This cannot be undone."))
}
