//! Pages of lists: what was asked for, checked; what the store gives, in the shape of the API.

use api::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, Page, PageQuery};
use store::{ListError, Paging};

use crate::error::{AppError, Result};

impl From<ListError> for AppError {
    fn from(error: ListError) -> AppError {
        match error {
            ListError::Cursor => AppError::field("after", error.to_string()),
            ListError::Store(it) => it.into(),
        }
    }
}

/// What to ask the store for.
pub(crate) fn paging(limit: Option<u32>, after: Option<String>) -> Result<Paging> {
    let limit = limit.unwrap_or(PAGE_ITEMS_DEFAULT);
    if limit == 0 || limit > PAGE_ITEMS_MAX {
        return Err(AppError::field("limit", format!("must be from 1 to {PAGE_ITEMS_MAX}")));
    }
    Ok(Paging { after, limit: limit as usize })
}

/// One page of a list that is short enough to be read whole. The cursor is the id of the last
/// item of the page before, and the list is sorted by it.
pub(crate) fn cut<T>(
    mut all: Vec<T>,
    query: PageQuery,
    id: impl Fn(&T) -> &str,
) -> Result<Page<T>> {
    let paging = paging(query.limit, query.after)?;
    all.sort_by(|a, b| id(a).cmp(id(b)));
    if let Some(after) = &paging.after {
        call::Ids::check(after)
            .map_err(|_| AppError::field("after", ListError::Cursor.to_string()))?;
        all.retain(|it| id(it) > after.as_str());
    }
    let more = all.len() > paging.limit;
    all.truncate(paging.limit);
    let next = all.last().filter(|_| more).map(|it| id(it).to_owned());
    Ok(Page { items: all, next })
}

/// A page of the store in the shape of the API.
pub(crate) fn page<T, U>(page: store::Page<T>, change: impl FnMut(T) -> U) -> Page<U> {
    Page { items: page.items.into_iter().map(change).collect(), next: page.next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_join_to_the_whole_list() {
        let mut ids = call::Ids::new(1);
        let all: Vec<String> = (0..7).map(|it| ids.next(call::UnixMs(it))).collect();
        let (mut got, mut after) = (Vec::new(), None);
        loop {
            let query = PageQuery { limit: Some(3), after };
            let page = cut(all.clone(), query, |it| it).unwrap();
            got.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(got, all);
    }

    #[test]
    fn limits_and_cursors_that_make_no_sense_are_refused() {
        for (limit, after) in [(Some(0), None), (Some(501), None), (None, Some("x".to_owned()))] {
            assert!(cut(Vec::<String>::new(), PageQuery { limit, after }, |it| it).is_err());
        }
    }
}
