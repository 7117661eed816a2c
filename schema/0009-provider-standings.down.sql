drop table provider_standings;
