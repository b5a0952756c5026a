//! Import of whole objects as they were exported.

use std::sync::Arc;

use super::work::Work;
use crate::message::{
    series::Series,
    task::{
        Task,
        command::{Imported, SettingsPatch},
    },
    text::Tag,
};

/// What is imported.
pub(super) struct File<'a> {
    pub(super) tasks: &'a [Arc<Task>],
    pub(super) series: &'a [Arc<Series>],
    pub(super) tags: &'a [Tag],
    pub(super) settings: Option<&'a SettingsPatch>,
}

/// What becomes of objects whose id is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Skip,
    Replace,
}

pub(super) fn import(_work: &mut Work<'_>, _known: Known, _file: &File<'_>) -> Imported {
    Imported::default()
}
