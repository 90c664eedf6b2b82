//! Stories of lanes, and a comparison with a slow and obvious model.
