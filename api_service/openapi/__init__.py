"""The route table, and the OpenAPI document that is made from it."""
