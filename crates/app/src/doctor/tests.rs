use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::testing::{Home, home, pbx_input, pbx_input_with, tick};

async fn check(home: &Home, links: Links, expected: Expect) {
    let found = examine(&home.app, &home.admin(), links).await.unwrap();
    let line = |it: &Finding| format!("{:?} {}: {}", it.severity, it.subject, it.message);
    let lines: Vec<String> = found.findings.iter().map(line).collect();
    expected.assert_eq(&lines.join("\n"));
    for it in &found.findings {
        assert_eq!(it.advice.is_none(), it.severity == Severity::Ok, "{it:?}");
    }
}

#[tokio::test]
async fn an_empty_hub_is_told_what_comes_next() {
    let home = home().await;
    check(
        &home,
        Links::AsTheyAre,
        expect![[r#"
            Ok storage: the database answers and takes what is written
            Warning users: nobody can administrate on the pages
            Warning pbx: no phone system is configured"#]],
    )
    .await;
}

#[tokio::test]
async fn a_hub_that_does_not_run_calls_up_each_phone_system() {
    let home = home().await;
    for (name, host) in [("a", "good.example.com"), ("b", "bad.example.com")] {
        let input = pbx_input_with(name, json!({ "host": host }));
        crate::pbxes::create(&home.app, &home.admin(), input).await.unwrap();
    }
    check(
        &home,
        Links::TryOnce,
        expect![[r#"
            Ok storage: the database answers and takes what is written
            Warning users: nobody can administrate on the pages
            Ok pbx a: Example 1.0 answers and lets us in
            Error pbx b: bad.example.com refuses the connection: is the port right?"#]],
    )
    .await;
}

#[tokio::test]
async fn what_links_and_integrations_know_is_told() {
    let home = home().await;
    let made = crate::pbxes::create(&home.app, &home.admin(), pbx_input("a")).await.unwrap();
    let crm = home.integration("crm").await;
    let live = home.app.live();
    live.links.down(&made.id, "the secret is wrong", Some(tick()), tick());
    live.health.queued(&crm.id, 2);
    live.health.failed(&crm.id, "127.0.0.1 is not available: connection refused", false, tick());
    check(
        &home,
        Links::AsTheyAre,
        expect![[r#"
            Ok storage: the database answers and takes what is written
            Warning users: nobody can administrate on the pages
            Error pbx a: the secret is wrong
            Error integration crm: 127.0.0.1 is not available: connection refused; 2 deliveries wait"#]],
    )
    .await;
}
