//! The pages as a browser gets them, over a real database.

mod harness;
mod markup;

use std::collections::HashSet;

use axum::http::{StatusCode, header};
use expect_test::expect;

use crate::{guard::CONTENT_SECURITY_POLICY, routes::ROUTES};
use harness::{Pages, fragment};

/// Every page that a GET shows, with things in it.
async fn every_page(pages: &Pages) -> Vec<String> {
    let (pbx, integration, call) = (pages.pbx(), pages.integration(), pages.call());
    let delivery = pages.delivery().await;
    let mut all: Vec<String> = [
        "/live",
        "/live?by=group",
        "/live?by=extension&pbx=head-office",
        "/calls",
        "/calls?q=rossi",
        "/calls?direction=inbound&outcome=missed&after=",
        "/calls?started_after=never",
        "/pbxes",
        "/pbxes/new",
        "/pbxes/new?kind=elastix",
        "/integrations",
        "/integrations/new",
        "/deliveries",
        "/deliveries?status=dead",
        "/users",
        "/keys",
        "/health",
        "/profile",
        "/parts/state",
        "/parts/attention",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push(format!("/calls/{call}"));
    all.push(format!("/pbxes/{pbx}"));
    all.push(format!("/pbxes/{pbx}/edit"));
    all.push(format!("/integrations/{integration}"));
    all.push(format!("/deliveries/{delivery}"));
    all
}

#[tokio::test]
async fn every_page_is_well_formed_and_keeps_the_policy() {
    let pages = Pages::with_things().await;
    for path in every_page(&pages).await {
        let page = pages.get(&path).await;
        assert!(page.status.is_success() || path.contains("never"), "{path}: {}", page.status);
        assert_eq!(page.header(header::CONTENT_SECURITY_POLICY), CONTENT_SECURITY_POLICY, "{path}");
        markup::check(&path, &page.text);
    }
}

#[tokio::test]
async fn pages_before_the_log_in_are_well_formed_too() {
    let pages = Pages::empty().await;
    let setup = pages.setup_path().await;
    for path in ["/login", &setup, "/setup/wrong", "/login?next=/calls"] {
        let page = pages.without_session().get(path).await;
        assert_eq!(page.header(header::CONTENT_SECURITY_POLICY), CONTENT_SECURITY_POLICY);
        markup::check(path, &page.text);
    }
}

#[tokio::test]
async fn nothing_is_shown_without_a_session() {
    let pages = Pages::with_things().await;
    let stranger = pages.without_session();
    for route in ROUTES.iter().filter(|it| !it.open) {
        let path = route.path.replace("{id}", "01ARZ3NDEKTSV4RRFFQ69G5FAV");
        for answer in [stranger.get(&path).await, stranger.post(&path, "name=x&csrf=").await] {
            let refused = match answer.status {
                StatusCode::SEE_OTHER => {
                    answer.header(header::LOCATION).starts_with("/login?next=")
                }
                StatusCode::UNAUTHORIZED | StatusCode::METHOD_NOT_ALLOWED => true,
                _ => false,
            };
            assert!(refused, "{path}: {} {}", answer.status, answer.text);
        }
    }
}

#[tokio::test]
async fn nothing_is_changed_without_the_token_of_the_session() {
    let pages = Pages::with_things().await;
    let pbx = pages.pbx();
    for route in ROUTES.iter().filter(|it| !it.open) {
        let path = route.path.replace("{id}", &pbx);
        for token in ["", "csrf=wrong&"] {
            let answer = pages.post_raw(&path, &format!("{token}typed=head-office")).await;
            let refused =
                [StatusCode::FORBIDDEN, StatusCode::METHOD_NOT_ALLOWED].contains(&answer.status);
            assert!(refused, "{path}: {}", answer.status);
        }
    }
    assert!(pages.get(&format!("/pbxes/{pbx}")).await.status.is_success(), "it is still there");
}

#[test]
fn what_a_page_does_the_api_does_too() {
    for route in ROUTES {
        for id in route.operations {
            assert!(api::operation(id).is_some(), "{}: the API has no `{id}`", route.path);
        }
    }
    let looks_only =
        ["/", "/login", "/setup/{token}", "/assets/{name}", "/logout", "/profile/theme"];
    for route in ROUTES.iter().filter(|it| it.operations.is_empty()) {
        assert!(looks_only.contains(&route.path), "{} names no operation", route.path);
    }
}

#[tokio::test]
async fn every_form_and_link_of_a_page_leads_to_an_address_of_ours() {
    let pages = Pages::with_things().await;
    let mut seen = HashSet::new();
    for path in every_page(&pages).await {
        let page = pages.get(&path).await;
        for target in markup::targets(&page.text) {
            let target = target.split(['?', '#']).next().unwrap_or_default().to_owned();
            if target.is_empty() || !seen.insert(target.clone()) {
                continue;
            }
            let known = ROUTES.iter().any(|it| fits(it.path, &target));
            let api = api::OPERATIONS.iter().any(|it| it.path == target);
            assert!(known || api, "{path} leads to {target}");
        }
    }
}

/// Whether an address is one of a route's.
fn fits(route: &str, address: &str) -> bool {
    let (route, address): (Vec<_>, Vec<_>) =
        (route.split('/').collect(), address.split('/').collect());
    route.len() == address.len()
        && route.iter().zip(address).all(|(part, given)| part.starts_with('{') || *part == given)
}

#[tokio::test]
async fn a_set_up_link_makes_the_first_administrator_once() {
    let pages = Pages::empty().await;
    let path = pages.setup_path().await;
    let stranger = pages.without_session();
    let short = stranger.post(&path, "name=anna%40example.com&password=short").await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(short.text.contains("value=\"anna@example.com\""), "what was typed is kept");
    let made = stranger.post(&path, "name=anna%40example.com&password=correct+horse+battery").await;
    assert_eq!(made.status, StatusCode::SEE_OTHER);
    assert!(made.header(header::SET_COOKIE).contains("HttpOnly; SameSite=Lax"));
    assert_eq!(stranger.get(&path).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_log_in_goes_where_the_person_wanted_and_tells_no_secrets() {
    let pages = Pages::with_things().await;
    let stranger = pages.without_session();
    let wrong = stranger.post("/login", "name=anna%40example.com&password=no&next=%2Fcalls").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.text.contains("the name or the password is wrong"));
    let right = "name=anna%40example.com&password=correct+horse+battery&next=%2Fcalls%3Fq%3D1";
    let answer = stranger.post("/login", right).await;
    assert_eq!(answer.header(header::LOCATION), "/calls?q=1");
    let forged = stranger.cross_site("/login", right).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_removal_needs_the_name() {
    let pages = Pages::with_things().await;
    let path = format!("/integrations/{}/remove", pages.integration());
    let refused = pages.post(&path, "typed=crm").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("This is not the name."));
    let done = pages.post(&path, "typed=status-push").await;
    assert_eq!(done.header(header::LOCATION), "/integrations?removed=status-push");
    let list = pages.get("/integrations?removed=status-push").await;
    assert!(list.text.contains("status-push was removed."));
}

#[tokio::test]
async fn a_wrong_field_is_told_beside_it_and_nothing_typed_is_lost() {
    let pages = Pages::with_things().await;
    let form = "kind=asterisk&name=branch&host=pbx.example&port=99999&username=hub&enabled=true";
    let answer = pages.post("/pbxes", form).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let field = fragment(&answer.text, "id=\"f-port\"", "</div>");
    assert!(field.contains("value=\"99999\"") && field.contains("hs-error"), "{field}");
    assert!(answer.text.contains("value=\"pbx.example\""));
}

#[tokio::test]
async fn a_pbx_is_added_and_shows_the_lines_to_paste() {
    let pages = Pages::with_things().await;
    let form = "kind=asterisk&name=branch&host=pbx.example&port=5038&username=hookswitch&\
                secret=s3cret&enabled=true";
    let answer = pages.post("/pbxes", form).await;
    let to = answer.header(header::LOCATION).to_owned();
    assert!(to.ends_with("?saved=1"), "{} {}", answer.status, answer.text);
    let page = pages.get(&to).await;
    assert!(page.text.contains("[hookswitch]"), "the section of manager.conf");
    let edit = pages.get(&to.replace("?saved=1", "/edit")).await;
    assert!(!edit.text.contains("s3cret"), "a secret is never shown again");
    assert!(edit.text.contains("stored; leave empty to keep it"));
}

#[tokio::test]
async fn the_flight_recorder_is_switched_on_and_its_recording_downloaded() {
    let pages = Pages::with_things().await;
    let path = format!("/pbxes/{}", pages.pbx());
    let wrong = pages.post(&format!("{path}/recorder"), "hours=many").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text.contains("Give a whole number of hours"));
    let on = pages.post(&format!("{path}/recorder"), "hours=24").await;
    assert!(on.text.contains(">Recording<") && on.text.contains("value=\"24\""), "{}", on.text);
    pages.record("1.ami", "Asterisk Call Manager/5.0.2\r\n");
    let page = pages.get(&path).await;
    assert!(page.text.contains(&format!("href=\"{path}/recording\"")), "{}", page.text);
    let archive = pages.get(&format!("{path}/recording")).await;
    let name = archive.header(header::CONTENT_DISPOSITION);
    assert_eq!(name, "attachment; filename=\"head-office-recording.tar\"");
    assert!(archive.text.contains("Asterisk Call Manager"));
}

#[tokio::test]
async fn a_preview_shows_the_exact_request_and_errors_at_their_field() {
    let pages = Pages::with_things().await;
    let form = "kind=http&name=x&events=call.ended&url=http%3A%2F%2Fcrm.example%2F%7B%7B+call.id+%7D%7D\
                &method=POST&enabled=true";
    let good = pages.post("/integrations/preview", form).await;
    assert!(good.text.contains("POST http://crm.example/0"), "{}", good.text);
    markup::check("preview", &good.text);
    let form = form.replace("call.id", "call.idd");
    let bad = pages.post("/integrations/preview", &form).await;
    let error = fragment(&bad.text, "id=\"f-url-live\"", "</div>");
    assert!(error.contains("idd"), "{}", bad.text);
}

#[tokio::test]
async fn a_key_is_shown_once() {
    let pages = Pages::with_things().await;
    let made = pages.post("/keys", "name=ci&scope=calls%3Aread").await;
    assert!(made.text.contains("hsk_"), "{}", made.text);
    assert!(!pages.get("/keys").await.text.contains("hsk_"));
}

#[tokio::test]
async fn a_name_from_a_phone_line_is_text_and_nothing_else() {
    let pages = Pages::with_things().await;
    for path in ["/calls".to_owned(), format!("/calls/{}", pages.call()), "/live".to_owned()] {
        let text = pages.get(&path).await.text;
        assert!(!text.contains("<b>Rossi"), "{path}");
        assert!(text.contains("&lt;b&gt;Rossi") || text.contains("&#60;b&#62;Rossi"), "{path}");
    }
}

#[tokio::test]
async fn an_agent_sees_calls_and_no_configuration() {
    let pages = Pages::with_things().await;
    let agent = pages.agent().await;
    assert!(agent.get("/calls").await.status.is_success());
    let live = agent.get("/live").await;
    assert!(!live.text.contains("href=\"/pbxes"), "{}", live.text);
    for path in ["/pbxes", "/integrations", "/deliveries", "/users", "/keys", "/health"] {
        assert_eq!(agent.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn a_stream_begins_with_the_whole_board() {
    let pages = Pages::with_things().await;
    let first = pages.first_frame("/live/stream?by=none&pbx=").await;
    assert!(first.starts_with("event: board\ndata: \"<table>"), "{first}");
    assert!(first.contains("c-01ARZ3NDEKTSV4RRFFQ69G5FAW"), "{first}");
    let other = pages.first_frame("/live/stream?by=none&pbx=branch").await;
    assert!(!other.contains("c-01ARZ3NDEKTSV4RRFFQ69G5FAW"), "{other}");
}

#[tokio::test]
async fn a_row_of_the_board_says_who_calls_whom() {
    let pages = Pages::with_things().await;
    let page = pages.get("/live?by=queue").await;
    let row = fragment(&page.text, "<tr id=\"c-", "</tr>");
    let row = harness::without_ids(&row);
    expect![[r##"
        <tr id="c-ID" data-group="1sales" data-label="sales" data-order="1795000000000" data-href="/calls/ID"><td><span class="st st-warn">Ringing</span></td><td class="num"><span class="tick" data-since="1795000000000" title="2026-11-18 11:06:40 UTC">1:30</span></td><td><span title="Inbound"><svg class="icon" aria-hidden="true"><use href="/assets/icons.svg#phone-incoming"/></svg><span class="visually-hidden">Inbound</span></span> <a href="/calls/ID" class="hs-peer text-reset"><span class="number">+390612345678</span> <span class="name" title="&lt;b&gt;Rossi">&lt;b&gt;Rossi</span></a></td><td><span class="hs-peer"><span class="number">+390687654321</span></span></td><td>201, 202</td><td class="wide-only">sales</td><td class="wide-only hs-quiet">head-office</td></tr>"##]]
    .assert_eq(&row);
}
