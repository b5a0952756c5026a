//! The pages in which a long list is stored: tasks by their numbers, so many to a page.

use std::sync::Arc;

use imbl::OrdMap;

use super::state::TaskList;
use crate::{
    actor::{Kept, PageJson},
    message::task::Task,
};

/// Numbers of a page.
const NUMBERS: u64 = 64;
/// Shorter lists are written whole: they have few pages, and most change.
const TASKS_MIN: usize = 2 * NUMBERS as usize;
/// So are lists with fewer tasks a page: small pages pack badly.
const PAGE_TASKS_MIN: usize = 16;

/// How each page is stored, of those that have tasks. A clone shares what it keeps.
#[derive(Clone, Debug, Default)]
pub(super) struct Pages(OrdMap<u64, Arc<Kept>>);

/// What is kept says nothing that the tasks do not say.
impl PartialEq for Pages {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Pages {
    /// The task of this number is new or another one.
    pub(super) fn changed(&mut self, number: u64) {
        self.0.insert(number / NUMBERS, Arc::default());
    }

    /// The task of this number is gone from `tasks`.
    pub(super) fn gone(&mut self, number: u64, tasks: &OrdMap<u64, Arc<Task>>) {
        let page = number / NUMBERS;
        if on_page(tasks, page).next().is_some() {
            self.changed(number);
        } else {
            self.0.remove(&page);
        }
    }
}

fn on_page(tasks: &OrdMap<u64, Arc<Task>>, page: u64) -> impl Iterator<Item = &Arc<Task>> {
    tasks.range(page * NUMBERS..(page + 1) * NUMBERS).map(|(_, task)| task)
}

impl TaskList {
    /// The pages of a list that is long enough to have any.
    pub(super) fn each_page(&self, page: &mut dyn FnMut(&Kept, PageJson<'_>)) {
        let pages = &self.pages.0;
        if self.tasks.len() < TASKS_MIN.max(pages.len() * PAGE_TASKS_MIN) {
            return;
        }
        for (number, kept) in pages {
            page(kept, &|| {
                let tasks: Vec<&Arc<Task>> = on_page(&self.tasks, *number).collect();
                serde_json::to_vec(&tasks)
            });
        }
    }
}
