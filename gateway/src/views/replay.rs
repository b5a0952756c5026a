//! Views made anew from what the actors hold.

use super::{
    Views, on,
    search::{Row, Tasks, index_postgres, index_sqlite},
};

const WORDS: &str =
    "DELETE FROM task_words WHERE rowid IN (SELECT id FROM task_search WHERE user_id = $1)";
const ROWS: &str = "DELETE FROM task_search WHERE user_id = $1";
const MESSAGES: &str = "DELETE FROM message WHERE user_id = $1";
const HEAD: &str = "UPDATE message_head SET ordinal = ordinal + 1 WHERE user_id = $1";

impl Views {
    /// Makes findable exactly these tasks of a user, as the interface writes them, and those that left the list.
    pub async fn replay_search(
        &self,
        user: &str,
        tasks: &[serde_json::Value],
    ) -> Result<(), sqlx::Error> {
        let archived = self.all_archived(user).await?;
        let archived = archived.iter().filter_map(|body| serde_json::from_str(body).ok());
        let archived: Vec<serde_json::Value> = archived.collect();
        let open = tasks.iter().map(|task| (task, false));
        let all = open.chain(archived.iter().map(|task| (task, true)));
        let rows = all.map(|(task, gone)| Row::new(user, task, task.to_string(), gone));
        let rows: Tasks<'_> = rows.map(|row| ((user, row.task_id.clone()), row)).collect();
        match self {
            Self::Sqlite(pool) => {
                let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
                sqlx::query(WORDS).bind(user).execute(&mut *tx).await?;
                sqlx::query(ROWS).bind(user).execute(&mut *tx).await?;
                index_sqlite(&mut tx, &rows).await?;
                tx.commit().await
            }
            Self::Postgres(pool) => {
                let mut tx = pool.begin().await?;
                sqlx::query(ROWS).bind(user).execute(&mut *tx).await?;
                index_postgres(&mut tx, &rows).await?;
                tx.commit().await
            }
        }
    }

    /// Begins a user's stream anew: whoever comes back with a place in it is told to fetch anew.
    pub async fn replay_live(&self, user: &str) -> Result<(), sqlx::Error> {
        on!(self, pool => {
            let mut tx = pool.begin().await?;
            sqlx::query(HEAD).bind(user).execute(&mut *tx).await?;
            sqlx::query(MESSAGES).bind(user).execute(&mut *tx).await?;
            tx.commit().await
        })
    }
}
