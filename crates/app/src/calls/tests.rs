use api::{EventQuery, GroupInput};
use call::State;
use serde_json::json;

use super::*;
use crate::testing::{Home, home};

/// A hub where Bruno sits at 202, which rings in the sample call, and Carla does not.
async fn office() -> (Home, String) {
    let home = home().await;
    home.pbx("head-office").await;
    let group: GroupInput = crate::schema::read(json!({
        "name": "Sales", "pbx": "head-office", "members": [
            { "user": "bruno", "extension": "202" }, { "user": "carla", "extension": "303" },
        ],
    }))
    .unwrap();
    crate::groups::create(&home.app, &home.admin(), group).await.unwrap();
    let mut call = crate::sample::call(home.app.now());
    call.user = Some("anna".into());
    let id = call.id.0.clone();
    home.commit_call(call).await;
    (home, id)
}

#[tokio::test]
async fn agents_see_their_own_calls_and_nobody_elses() {
    let (home, id) = office().await;
    let app = &home.app;
    for (name, sees) in [("anna", true), ("bruno", true), ("carla", false)] {
        let agent = home.agent(name);
        assert_eq!(get(app, &agent, &id).await.is_ok(), sees, "{name}");
        assert_eq!(timeline(app, &agent, &id).await.is_ok(), sees, "{name}");
    }
    let listed = async |name: &str| {
        list(app, &home.agent(name), CallQuery::default()).await.unwrap().items.len()
    };
    assert_eq!((listed("anna").await, listed("carla").await), (1, 0));
    let others = CallQuery { user: Some("anna".into()), ..CallQuery::default() };
    let refused = list(app, &home.agent("carla"), others.clone()).await;
    assert!(matches!(refused, Err(AppError::Forbidden(_))));
    assert_eq!(list(app, &home.admin(), others).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn agents_follow_and_watch_their_own_calls_and_nobody_elses() {
    let (home, _) = office().await;
    let app = &home.app;
    let mut call = crate::sample::call(app.now());
    (call.state, call.outcome, call.ended_at) = (State::Ringing, None, None);
    home.commit_call(call).await;
    let watched = |name: &str| in_progress(app, &home.agent(name)).unwrap().len();
    assert_eq!((watched("bruno"), watched("carla")), (1, 0));

    let bruno = home.agent("bruno");
    let query = EventQuery::default();
    let mut following = crate::events::follow(app, &bruno, query, None).await.unwrap();
    home.commit(1, &[]).await;
    home.commit_call(crate::sample::call(app.now())).await;
    let event = following.next().await.unwrap();
    assert_eq!(event.event.kind, call::EventKind::CallEnded, "events of links are not his");
    let query = EventQuery { user: Some("bruno".into()), kind: None };
    let refused = crate::events::follow(app, &home.agent("carla"), query, None).await;
    assert!(matches!(refused.err(), Some(AppError::Forbidden(_))));
}
