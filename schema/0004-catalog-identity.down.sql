drop table catalog_identity;
