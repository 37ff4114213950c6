SELECT name FROM boats WHERE colour = 'blue';
-- nur für Köln
