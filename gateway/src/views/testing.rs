//! The databases that tests of the views run on: SQLite always, PostgreSQL where there is one.

use std::io::Write;

use sqlx::{Connection, PgConnection};

use super::Views;

/// Views on an empty database that goes when the test has passed.
pub(crate) struct Empty {
    pub(crate) views: Views,
    folder: Option<tempfile::TempDir>,
    database: Option<(String, String)>,
}

impl Empty {
    /// On a file.
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let views = Views::sqlite(folder.path()).await.unwrap();
        Self { views, folder: Some(folder), database: None }
    }

    /// On the server that `TICKLER_TEST_DATABASE_URL` or `DATABASE_URL` names; `None`, which is said, where there is none.
    pub(crate) async fn postgres() -> Option<Self> {
        let url = ["TICKLER_TEST_DATABASE_URL", "DATABASE_URL"];
        let Some(url) = url.into_iter().find_map(|name| std::env::var(name).ok()) else {
            assert!(std::env::var("CI").is_err(), "CI tests PostgreSQL: set DATABASE_URL");
            // Not by a macro: what those write is kept back from tests that pass.
            let skipped = "skipped: PostgreSQL; set TICKLER_TEST_DATABASE_URL";
            writeln!(std::io::stderr(), "{skipped}").unwrap();
            return None;
        };
        let name = format!("tickler_test_{}", crate::app::random_id().simple());
        let mut admin = PgConnection::connect(&url).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut admin)
            .await
            .unwrap();
        let (server, _) = url.rsplit_once('/').expect("a URL names a database");
        let views = Views::postgres(&format!("{server}/{name}")).await.unwrap();
        Some(Self { views, folder: None, database: Some((url, name)) })
    }

    /// Takes the database away.
    pub(crate) async fn gone(self) {
        self.views.close().await;
        drop(self.folder);
        if let Some((url, name)) = self.database {
            let mut admin = PgConnection::connect(&url).await.unwrap();
            sqlx::query(sqlx::AssertSqlSafe(format!("DROP DATABASE {name}")))
                .execute(&mut admin)
                .await
                .unwrap();
        }
    }
}

/// Makes each function a test on both databases.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let empty = $crate::views::testing::Empty::sqlite().await;
                super::$name(&empty.views).await;
                empty.gone().await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                if let Some(empty) = $crate::views::testing::Empty::postgres().await {
                    super::$name(&empty.views).await;
                    empty.gone().await;
                }
            })*
        }
    };
}
pub(crate) use on_both;
