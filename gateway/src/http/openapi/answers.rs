//! What a route answers: by status, with headers, links and content.

use std::collections::BTreeMap;

use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, Responses};

use super::{
    Access, Route, aliases, content, headers, links, parameters, problems, routes, row, rows::Row,
};

/// The answers of a route.
pub(super) fn of(route: &Route, row: &Row, foreign: bool) -> Responses {
    let mut found = vec![fine(route, row, foreign)];
    if parameters::is_cached(route) {
        let mut unchanged = Response::new("You have it");
        unchanged.headers = headers::of_unchanged(route);
        found.push(("304".to_owned(), unchanged));
    }
    if route.access == Access::Mcp {
        let mut taken = Response::new("A notification was taken in");
        taken.headers = headers::of_caller(route);
        found.push(("202".to_owned(), taken));
    }
    let found = found.into_iter().map(|(status, answer)| (status, RefOr::T(answer)));
    let problems = problems::by_status(route, row).into_iter().map(|(status, slugs)| {
        (status.to_string(), RefOr::Ref(Ref::from_response_name(name(route, &slugs))))
    });
    found.chain(problems).collect()
}

/// The answers that are problems, which many routes share, by name.
pub(super) fn refusals() -> BTreeMap<String, RefOr<Response>> {
    let of_route = |route: &Route| -> Vec<(String, RefOr<Response>)> {
        let problems = problems::by_status(route, row(route).0).into_values();
        problems.map(|slugs| (name(route, &slugs), RefOr::T(refused(route, &slugs)))).collect()
    };
    routes().iter().flat_map(of_route).collect()
}

/// What the answer of these problems is called: by all that makes it differ from others.
fn name(route: &Route, slugs: &[problems::Slug]) -> String {
    let codes: Vec<&str> = slugs.iter().map(|slug| slug.code()).collect();
    let kind = match route.access {
        Access::Open | Access::Stream => "",
        Access::Scope(_) => ".counted",
        Access::Mcp => ".mcp",
    };
    format!("{}{kind}", codes.join("."))
}

fn fine(route: &Route, row: &Row, foreign: bool) -> (String, Response) {
    let (canon, schema) = row.answer.split_once(' ').unwrap_or((row.answer, ""));
    let status =
        if foreign { aliases::status(&route.method, route.template, canon) } else { canon };
    let schema = if status == "204" { "" } else { schema };
    let mut fine = Response::new(row.summary);
    fine.headers = headers::of_answer(route, row, (status, schema), foreign);
    fine.links = links::of(route, canon);
    if !schema.is_empty() {
        fine.content.extend(content(schema, if foreign { "Any" } else { schema }));
    }
    (status.to_owned(), fine)
}

/// The answer of a status that these problems share.
fn refused(route: &Route, slugs: &[problems::Slug]) -> Response {
    let codes: Vec<&str> = slugs.iter().map(|slug| slug.code()).collect();
    let mut refused = Response::new(codes.join(", "));
    refused.headers = headers::of_problems(route, slugs);
    let examples = codes.iter().map(|code| (*code, problems::example(code)));
    let problem = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .examples_from_iter(examples);
    refused.content.insert("application/problem+json".to_owned(), problem.into());
    if route.access == Access::Mcp {
        refused.content.extend(content("JsonRpc", "JsonRpc"));
    }
    refused
}
